using GrainDb.LoadTool.Http;

namespace GrainDb.LoadTool.Workloads;

/// <summary>Unconditional writes.</summary>
internal sealed class PutWorkload : IWorkload
{
    private readonly IKeyDistribution _keys;
    private readonly RequestTemplate _request;
    private long _counter;

    /// <summary>Writes to keys chosen by <paramref name="keys"/>.</summary>
    public PutWorkload(WorkloadOptions options, IKeyDistribution keys, Random random)
    {
        _keys = keys;
        _request = RequestTemplate.Put(options.Keyspace, options.ValueBytes, options.ConsistencyHeader);
        ValueFormat.Fill(_request.Value, random);
        _counter = random.NextInt64();
    }

    /// <inheritdoc/>
    public (ReadOnlyMemory<byte> Request, OperationKind Kind) Next()
    {
        var key = _keys.Next();
        _request.SetKey(key);
        ValueFormat.Write(_request.Value, key, ++_counter);
        return (_request.Bytes, OperationKind.Put);
    }

    /// <inheritdoc/>
    public Verdict Judge(ResponseParser response, bool thorough)
    {
        if (response.Status is not (200 or 201))
            return Verdict.Failure(Problem.Read(response).Code);
        return thorough && response.EntityTag() is null ? Verdict.Failure(TransportErrors.WrongContent) : Verdict.Success;
    }
}
