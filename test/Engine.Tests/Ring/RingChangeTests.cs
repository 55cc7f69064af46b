using GrainDb.Engine.Ring;
using Xunit;

namespace GrainDb.Engine.Tests.Ring;

public sealed class RingChangeTests
{
    private static readonly Dictionary<string, double> NoWeights = [];
    private static readonly HashRing Ring = new(7, [new("a", 1), new("b", 2), new("c", 1)], 10);

    [Fact]
    public void Adds_removes_and_reweights_in_one_step()
    {
        var after = new RingChange([new("d", 3)], ["a"], new Dictionary<string, double> { ["b"] = 0.5 }).ApplyTo(Ring);
        Assert.Equal([new("b", 0.5), new("c", 1), new RingNode("d", 3)], after.Nodes);
        Assert.Equal(8, after.Version);
        Assert.Equal(10, after.VirtualNodesPerUnit);
    }

    [Fact]
    public void The_last_node_can_be_removed() =>
        Assert.Empty(new RingChange([], ["a", "b", "c"], NoWeights).ApplyTo(Ring).Nodes);

    public static readonly TheoryData<RingChange, string> Wrong = new()
    {
        { new([], ["x"], NoWeights), "Node 'x' is to be removed but is not on the ring." },
        { new([], ["a", "a"], NoWeights), "Node 'a' is to be removed twice." },
        { new([], [], new Dictionary<string, double> { ["x"] = 1 }), "Node 'x' is to get a new weight but is not on the ring." },
        { new([], ["a"], new Dictionary<string, double> { ["a"] = 2 }), "Node 'a' is to be removed and to get a new weight." },
        { new([], [], new Dictionary<string, double> { ["a"] = 0 }), "The weight of node 'a' is 0; it must be finite and above 0." },
        { new([new("a", 1)], [], NoWeights), "Node 'a' is to be added but is on the ring already." },
        { new([new("a", 1)], ["a"], NoWeights), "Node 'a' is to be added but is on the ring already." },
        { new([new("d", 1), new("d", 1)], [], NoWeights), "Node 'd' is named twice." },
        { new([new(null!, 1)], [], NoWeights), "A node has no name." },
        { new([], [null!], NoWeights), "Node '' is to be removed but is not on the ring." },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void A_wrong_change_is_a_clear_error(RingChange change, string message)
    {
        ArgumentNullException.ThrowIfNull(change);
        Assert.Equal(message, Assert.Throws<InvalidRingException>(() => change.ApplyTo(Ring)).Message);
    }
}
