using GrainDb.LoadTool.Http;

namespace GrainDb.LoadTool.Workloads;

/// <summary>Reads and writes in a given proportion.</summary>
internal sealed class MixedWorkload(IWorkload reads, IWorkload writes, double readShare, Random random) : IWorkload
{
    private IWorkload? _current;

    /// <inheritdoc/>
    public (ReadOnlyMemory<byte> Request, OperationKind Kind) Next()
    {
        _current = random.NextDouble() < readShare ? reads : writes;
        return _current.Next();
    }

    /// <inheritdoc/>
    public Verdict Judge(ResponseParser response, bool thorough) => _current!.Judge(response, thorough);
}
