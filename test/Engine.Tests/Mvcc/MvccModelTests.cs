using System.Text;
using CsCheck;
using Xunit;

namespace GrainDb.Engine.Tests.Mvcc;

/// <summary>
/// A store equals a model that keeps every version for ever, under any mixture of writes in any order, repeats, collection,
/// fuzzy checkpoints, crashes and replay. CsCheck prints the seed of a failure and shrinks it.
/// </summary>
public sealed class MvccModelTests
{
    // Keys that are prefixes of each other, end in zeros, share long beginnings, and are as long as can be.
    private static readonly byte[][] AwkwardKeys =
    [
        [], [0], [0, 0], [0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 0, 0], [0xFF], [0xFF, 0xFF], .. Text("a", "a\0", "a\0\0", "b"),
        .. Text("abcdefgh", "abcdefgh\0", "abcdefgi", "abcdefgha", "abcdefgh\0\0\0\0\0\0\0\0\0"),
        .. Enumerable.Range(0, 6).Select(index => Long(4096, (byte)index)),
        .. Enumerable.Range(0, 6).Select(index => Long(3000 + index, 7)),
        .. Enumerable.Range(0, 20).Select(index => Encoding.UTF8.GetBytes($"tenants/europe/orders/2031/{index:D3}")),
    ];

    private static readonly byte[][] ManyKeys =
        [.. Enumerable.Range(0, 700).Select(index => Encoding.UTF8.GetBytes($"tenant-{index % 7}/orders/{index * 7919 % 100_003:D6}"))];

    [Fact]
    public void Equals_the_model_with_awkward_keys() =>
        ReplicaOperations.Steps(AwkwardKeys.Length, 1, 600).Sample(steps => { ReplicaOperations.Run(steps, AwkwardKeys); }, iter: 150);

    [Fact]
    public void Equals_the_model_with_long_chains() =>
        ReplicaOperations.Steps(4, 200, 1500).Sample(steps => { ReplicaOperations.Run(steps, AwkwardKeys[^4..]); }, iter: 60);

    [Fact]
    public void Equals_the_model_with_many_blocks() =>
        ReplicaOperations.Steps(ManyKeys.Length, 1000, 6000).Sample(steps => { ReplicaOperations.Run(steps, ManyKeys); }, iter: 12);

    private static byte[][] Text(params string[] keys) => [.. keys.Select(Encoding.UTF8.GetBytes)];

    private static byte[] Long(int length, byte last)
    {
        var key = new byte[length];
        key.AsSpan().Fill((byte)'x');
        key[^1] = last;
        return key;
    }
}
