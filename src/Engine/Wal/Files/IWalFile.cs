namespace GrainDb.Engine.Wal;

/// <summary>One open file with positional reads and writes. Disposing closes it and makes nothing durable.</summary>
public interface IWalFile : IDisposable
{
    /// <summary>Where it is.</summary>
    string Path { get; }

    /// <summary>Bytes, allocated ones included.</summary>
    long Length { get; }

    /// <summary>Reads at <paramref name="offset"/>; fewer bytes than asked only at the end of the file.</summary>
    int Read(long offset, Span<byte> destination);

    /// <summary>Writes all of <paramref name="source"/> at <paramref name="offset"/>, extending the file when needed.</summary>
    void Write(long offset, ReadOnlySpan<byte> source);

    /// <summary>Extends the file to <paramref name="length"/> with zeros whose blocks are allocated. Either all of it or, with <see cref="DiskFullException"/>, nothing lasting.</summary>
    void Preallocate(long length);

    /// <summary>Cuts or extends the file; what is new reads as zeros.</summary>
    void SetLength(long length);

    /// <summary>Makes the content durable, with the metadata needed to read it back (<c>fdatasync</c>).</summary>
    void SyncData();

    /// <summary>Makes content and all metadata durable (<c>fsync</c>).</summary>
    void Sync();
}
