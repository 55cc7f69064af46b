using System.Diagnostics.Metrics;
using GrainDb.Engine.Wal;

namespace GrainDb.Grains.Hosting;

/// <summary>Measures how long the disk takes to make data durable, and has the threads that wait for it replaced; everything else passes through.</summary>
internal sealed class MeteredFileSystem(IWalFileSystem inner, TimeProvider time) : IWalFileSystem
{
    private static readonly Histogram<double> FsyncDuration = NodeInstruments.Meter.CreateHistogram<double>(
        "graindb.wal.fsync.duration", "s", "Time that one fsync or fdatasync took.",
        advice: new() { HistogramBucketBoundaries = [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1] });

    public bool DirectoryExists(string path) => inner.DirectoryExists(path);

    public void CreateDirectory(string path) => inner.CreateDirectory(path);

    public void DeleteDirectory(string path) => inner.DeleteDirectory(path);

    public IReadOnlyList<string> ListFiles(string directory) => inner.ListFiles(directory);

    public IReadOnlyList<string> ListDirectories(string directory) => inner.ListDirectories(directory);

    public void SyncDirectory(string path) => inner.SyncDirectory(path);

    public bool FileExists(string path) => inner.FileExists(path);

    public IWalFile Create(string path) => new MeteredFile(inner.Create(path), time);

    public IWalFile Open(string path) => new MeteredFile(inner.Open(path), time);

    public IWalFile OpenRead(string path) => inner.OpenRead(path);

    public void Delete(string path) => inner.Delete(path);

    public void Rename(string from, string to) => inner.Rename(from, to);

    public long FreeBytes(string directory) => inner.FreeBytes(directory);

    public IDisposable? TryLockDirectory(string directory) => inner.TryLockDirectory(directory);

    private sealed class MeteredFile(IWalFile file, TimeProvider time) : IWalFile
    {
        public string Path => file.Path;

        public long Length => file.Length;

        public int Read(long offset, Span<byte> destination) => file.Read(offset, destination);

        public void Write(long offset, ReadOnlySpan<byte> source) => file.Write(offset, source);

        public void Preallocate(long length) => file.Preallocate(length);

        public void SetLength(long length) => file.SetLength(length);

        public void SyncData()
        {
            var started = time.GetTimestamp();
            DiskThreads.OfProcess.Enter();
            try
            {
                file.SyncData();
            }
            finally
            {
                DiskThreads.OfProcess.Leave();
            }

            FsyncDuration.Record(time.GetElapsedTime(started).TotalSeconds);
        }

        public void Sync()
        {
            var started = time.GetTimestamp();
            DiskThreads.OfProcess.Enter();
            try
            {
                file.Sync();
            }
            finally
            {
                DiskThreads.OfProcess.Leave();
            }

            FsyncDuration.Record(time.GetElapsedTime(started).TotalSeconds);
        }

        public void Dispose() => file.Dispose();
    }
}
