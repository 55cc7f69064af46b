namespace GrainDb.Engine.Eventual;

/// <summary>Byte strings in the order of their bytes.</summary>
internal sealed class ByteOrder : IComparer<ReadOnlyMemory<byte>>
{
    public static readonly ByteOrder Instance = new();

    public int Compare(ReadOnlyMemory<byte> x, ReadOnlyMemory<byte> y) => x.Span.SequenceCompareTo(y.Span);
}
