using GrainDb.LoadTool.Http;

namespace GrainDb.LoadTool.Workloads;

/// <summary>What one client asks, request after request. Belongs to one client; not shared.</summary>
internal interface IWorkload
{
    /// <summary>Builds the next request.</summary>
    /// <returns>Its bytes, valid until the next call, and what it does.</returns>
    (ReadOnlyMemory<byte> Request, OperationKind Kind) Next();

    /// <summary>Judges the response to the request that <see cref="Next"/> built last.</summary>
    /// <param name="response">The response.</param>
    /// <param name="thorough">Whether to look into the body too; done for a sample, since it costs CPU.</param>
    Verdict Judge(ResponseParser response, bool thorough);
}
