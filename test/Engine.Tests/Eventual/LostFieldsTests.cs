using System.Text;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Replicas;
using Xunit;

namespace GrainDb.Engine.Tests.Eventual;

/// <summary>Writes of registers and of fields of maps that lost to a later one are listed from the moment in which the two meet, whether or not anybody writes the field again.</summary>
public sealed class LostFieldsTests
{
    private static readonly string[] Nodes = ["node1", "node2", "node3"];

    [Fact]
    public void The_loser_of_a_register_is_recorded_where_the_two_met_and_once()
    {
        var trio = Apart(ConflictPolicy.Register, Set((""u8.ToArray(), "first")), Set((""u8.ToArray(), "second")));

        foreach (var node in Nodes)
            trio.Read(node, "k", EventualLevel.All);
        trio.Write("node3", Set((""u8.ToArray(), "third")), EventualLevel.All);

        foreach (var node in Nodes)
        {
            var conflict = Assert.Single(Conflicts(trio, node));
            Assert.Equal(ConflictResolution.Timestamp, conflict.Resolution);
            Assert.Equal("first", Encoding.UTF8.GetString(Assert.Single(conflict.Losers).Value.Span));
        }

        Assert.Single(Nodes.Select(node => (Conflicts(trio, node)[0].At, Conflicts(trio, node)[0].Winner)).Distinct());
    }

    [Fact]
    public void Fields_that_one_write_won_are_one_conflict_and_fields_without_one_are_none()
    {
        var trio = Apart(
            ConflictPolicy.LastWriterWinsMap,
            Set(("name"u8.ToArray(), "old"), ("age"u8.ToArray(), "1"), ("left"u8.ToArray(), "alone")),
            Set(("name"u8.ToArray(), "new"), ("age"u8.ToArray(), "2"), ("right"u8.ToArray(), "alone")));

        trio.Read("node3", "k", EventualLevel.All);

        foreach (var node in Nodes)
            Assert.Equal(["age=1", "name=old"], Assert.Single(Conflicts(trio, node)).Losers.Select(loser => $"{Encoding.UTF8.GetString(loser.Field.Span)}={Encoding.UTF8.GetString(loser.Value.Span)}"));
    }

    [Fact]
    public void Elements_that_both_sides_added_are_no_conflict()
    {
        var add = new EventualWrite { Key = "k"u8.ToArray(), Kind = EventualWriteKind.Operate, Operation = new(CrdtAction.Add, 0, [new("x"u8.ToArray(), default)]) };
        var trio = Apart(ConflictPolicy.ObservedRemoveSet, add, add);

        trio.Read("node3", "k", EventualLevel.All);

        foreach (var node in Nodes)
            Assert.Empty(Conflicts(trio, node));
    }

    /// <summary>One side of a cut carries out the first operation, the other side the second a second later; then they can reach each other again.</summary>
    private static EventualTrio Apart(ConflictPolicy policy, EventualWrite first, EventualWrite second)
    {
        var trio = new EventualTrio(policy);
        trio.Isolate("node1");
        trio.Write("node1", first, EventualLevel.One);
        trio.Time.Advance(TimeSpan.FromSeconds(1));
        trio.Write("node2", second, EventualLevel.Quorum);
        trio.Heal();
        return trio;
    }

    private static EventualWrite Set(params (byte[] Name, string Value)[] fields) => new()
    {
        Key = "k"u8.ToArray(),
        Kind = EventualWriteKind.Operate,
        Operation = new(CrdtAction.Set, 0, [.. fields.Select(field => new CrdtField(field.Name, Encoding.UTF8.GetBytes(field.Value)))]),
    };

    private static List<ConflictRecord> Conflicts(EventualTrio trio, string node) => [.. trio.Replica(node).GetConflicts(Lsn.Zero, 10).Select(conflict => conflict.Record)];
}
