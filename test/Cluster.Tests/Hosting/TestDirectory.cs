namespace GrainDb.Cluster.Tests.Hosting;

/// <summary>A directory of its own, deleted at the end.</summary>
internal sealed class TestDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("graindb-test-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
