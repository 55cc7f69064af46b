using System.Text;
using GrainDb.Engine.Eventual;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;
using Xunit;

namespace GrainDb.Engine.Tests.Eventual;

public sealed class EventualStatesTests
{
    private static readonly EventualStates States = new();

    [Fact]
    public void A_key_that_nobody_wrote_is_nothing() => Assert.Equal(EventualContent.Nothing, States.Read(ConflictPolicy.Siblings, default, Timestamp.Max));

    [Fact]
    public void Every_value_that_stands_is_seen_with_its_media_type()
    {
        var rig = ReplicaRig.New();
        var first = rig.Write(ReplicaRig.Put("k", "a") with { ContentType = "text/plain" });
        var second = rig.Write(ReplicaRig.Put("k", "b"));

        var content = States.Read(ConflictPolicy.Siblings, second.State, second.Timestamp);

        Assert.True(content.Exists);
        Assert.Equal(second.Timestamp, content.Version);
        Assert.Equal([(first.Dot, "text/plain", "a"), (second.Dot, "", "b")], content.Values.Select(value => (value.Dot, value.ContentType, Encoding.UTF8.GetString(value.Value.Span))));
    }

    [Fact]
    public void What_has_expired_is_not_seen_and_still_has_a_version()
    {
        var rig = ReplicaRig.New();
        var written = rig.Write(ReplicaRig.Put("k", "a") with { TimeToLive = TimeSpan.FromSeconds(1) });

        var content = States.Read(ConflictPolicy.Siblings, written.State, written.Timestamp.Add(TimeSpan.FromSeconds(1)));

        Assert.False(content.Exists);
        Assert.Empty(content.Values);
        Assert.Equal(written.Timestamp, content.Version);
    }

    [Fact]
    public void A_deleted_counter_is_not_there_and_counts_from_zero()
    {
        var rig = ReplicaRig.New(ConflictPolicy.Counter);
        rig.Write(Operate(CrdtOperation.Increment(5)));
        var deleted = rig.Write(ReplicaRig.Delete("k"));
        Assert.False(States.Read(ConflictPolicy.Counter, deleted.State, deleted.Timestamp).Exists);

        var again = rig.Write(Operate(CrdtOperation.Increment(-2)));

        var content = States.Read(ConflictPolicy.Counter, again.State, again.Timestamp);
        Assert.True(content.Exists);
        Assert.Equal(-2, content.Sum);
    }

    [Theory]
    [InlineData(ConflictPolicy.ObservedRemoveSet, CrdtAction.Add, "e", "")]
    [InlineData(ConflictPolicy.LastWriterWinsMap, CrdtAction.Set, "f", "1")]
    [InlineData(ConflictPolicy.Register, CrdtAction.Set, "", "1")]
    public void Fields_are_what_was_set(ConflictPolicy policy, CrdtAction action, string name, string value)
    {
        var rig = ReplicaRig.New(policy);
        var written = rig.Write(Operate(new CrdtOperation(action, 0, [new(Encoding.UTF8.GetBytes(name), Encoding.UTF8.GetBytes(value))])));

        var field = Assert.Single(States.Read(policy, written.State, written.Timestamp).Fields);

        Assert.Equal((name, value), (Encoding.UTF8.GetString(field.Name.Span), Encoding.UTF8.GetString(field.Value.Span)));
    }

    [Fact]
    public void A_context_as_a_read_gave_it_has_no_problem_and_a_damaged_one_has()
    {
        var context = CausalContext.Of(DottedSetCodec.Decode(ReplicaRig.New().Write(ReplicaRig.Put("k", "a")).State), "k"u8).Encode();

        Assert.Null(States.ProblemOf(context, "k"u8.ToArray()));
        Assert.Null(States.ProblemOf(default, "k"u8.ToArray()));
        Assert.Contains("another key", States.ProblemOf(context, "l"u8.ToArray()), StringComparison.Ordinal);
        context[^1]++;
        Assert.NotNull(States.ProblemOf(context, "k"u8.ToArray()));
    }

    private static EventualWrite Operate(CrdtOperation operation) => new() { Key = Encoding.UTF8.GetBytes("k"), Kind = EventualWriteKind.Operate, Operation = operation };
}
