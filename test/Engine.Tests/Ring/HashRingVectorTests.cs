using System.Globalization;
using System.Text;
using GrainDb.Engine.Ring;
using Xunit;

namespace GrainDb.Engine.Tests.Ring;

/// <summary>
/// Pinned positions and owners. They were computed with another implementation of XXH3 (the reference library in C) and a
/// ring written for the purpose in Python. If one of these changes, data is looked for on the wrong nodes.
/// </summary>
public sealed class HashRingVectorTests
{
    private static readonly RingNode[] Nodes = [new("node1", 1), new("node2", 2), new("node3", 0.5), new("node4", 1.5)];

    [Theory]
    [InlineData("", "2d06800538d394c2")]
    [InlineData("node1#0", "2981596004d2481d")]
    [InlineData("node1#1", "1b233c586eeaac1d")]
    [InlineData("node2#0", "423cb46d8cc5113c")]
    [InlineData("node1#2047", "db546666b49deeb0")]
    [InlineData("größe#7", "08e42f25cc3d0e30")]
    [InlineData("o-1", "a2e786d41eec32a2")]
    [InlineData("orders/2024/😀", "6398d482332373b7")]
    public void Tokens(string text, string token)
    {
        Assert.Equal(token, HashRing.Token(text).ToString("x16", CultureInfo.InvariantCulture));
        Assert.Equal(token, HashRing.Token(Encoding.UTF8.GetBytes(text)).ToString("x16", CultureInfo.InvariantCulture));
    }

    [Fact]
    public void Tokens_of_arbitrary_bytes()
    {
        Assert.Equal(0xa99b043a346c8bf3, HashRing.Token([0x00, 0xff]));
        Assert.Equal(0xf14c78536cd0075e, HashRing.Token(Enumerable.Repeat((byte)'k', 4096).ToArray()));
    }

    [Theory]
    [InlineData(150, "o-1", "node2 node1 node3 node4")]
    [InlineData(150, "o-2", "node2 node1 node4 node3")]
    [InlineData(150, "customer/42", "node1 node4 node2 node3")]
    [InlineData(2048, "o-1", "node2 node1 node4 node3")]
    [InlineData(2048, "o-2", "node2 node1 node4 node3")]
    [InlineData(2048, "customer/42", "node4 node3 node2 node1")]
    public void Owners(int perUnit, string key, string nodes) =>
        Assert.Equal(nodes.Split(' '), new HashRing(1, Nodes, perUnit).GetNodes(Encoding.UTF8.GetBytes(key), 4));

    [Theory]
    [InlineData(150, 0x000e72776016fffd, 0xffadaa68972f35a5)]
    [InlineData(2048, 0x000e72776016fffd, 0xfffeda4bbb6de2c7)]
    public void First_and_last_position(int perUnit, ulong first, ulong last)
    {
        var positions = new HashRing(1, Nodes, perUnit).Positions;
        Assert.Equal(5 * perUnit, positions.Count);
        Assert.Equal(first, positions[0]);
        Assert.Equal(last, positions[positions.Count - 1]);
        Assert.Equal(2, positions.Owner(0));
        Assert.Equal(2, positions.Owner(positions.Count - 1));
    }

    [Theory]
    [InlineData(150, 0x3324c3f10487ea4d, 0x661c3f0677713ece, 0x1c6d4b932de29f5e, 0x4a51b17556243787)]
    [InlineData(2048, 0x32deaaeb3f257a3e, 0x661d3baf0bf76dad, 0x19ddc60712432192, 0x4d26535ea29ff683)]
    public void Shares(int perUnit, ulong node1, ulong node2, ulong node3, ulong node4)
    {
        var ring = new HashRing(1, Nodes, perUnit);
        var tokens = new[] { node1, node2, node3, node4 };
        Assert.Equal(tokens.Select(count => count / Math.Pow(2, 64)), ring.Nodes.Select(node => ring.Share(node.Name)));
    }
}
