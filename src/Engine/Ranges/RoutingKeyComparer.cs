using System.IO.Hashing;

namespace GrainDb.Engine.Ranges;

/// <summary>Routing keys as dictionary keys, by content.</summary>
internal sealed class RoutingKeyComparer : IEqualityComparer<ReadOnlyMemory<byte>>
{
    public static readonly RoutingKeyComparer Instance = new();

    public bool Equals(ReadOnlyMemory<byte> x, ReadOnlyMemory<byte> y) => x.Span.SequenceEqual(y.Span);

    public int GetHashCode(ReadOnlyMemory<byte> obj) => (int)XxHash3.HashToUInt64(obj.Span);
}
