using GrainDb.LoadTool.Http;

namespace GrainDb.LoadTool.Workloads;

/// <summary>Point reads of keys that were filled before: an absent key is a failure.</summary>
internal sealed class GetWorkload(WorkloadOptions options, IKeyDistribution keys) : IWorkload
{
    private readonly RequestTemplate _request = RequestTemplate.Get(options.Keyspace, options.ConsistencyHeader);
    private int _key;

    /// <inheritdoc/>
    public (ReadOnlyMemory<byte> Request, OperationKind Kind) Next()
    {
        _key = keys.Next();
        _request.SetKey(_key);
        return (_request.Bytes, OperationKind.Get);
    }

    /// <inheritdoc/>
    public Verdict Judge(ResponseParser response, bool thorough)
    {
        if (response.Status != 200)
            return Verdict.Failure(Problem.Read(response).Code);

        // The length costs nothing to check; the content and the ETag are checked in the sample.
        if (response.Body.Length != options.ValueBytes)
            return Verdict.Failure(TransportErrors.WrongContent);
        return thorough && (!ValueFormat.Matches(response.Body, _key, options.ValueBytes) || response.EntityTag() is null)
            ? Verdict.Failure(TransportErrors.WrongContent)
            : Verdict.Success;
    }
}
