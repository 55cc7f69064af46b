using System.Globalization;
using GrainDb.LoadTool.Http;

namespace GrainDb.LoadTool.Workloads;

/// <summary>
/// Writes with <c>If-Match</c> on the version that the clients saw last, as a client that keeps what it read would do: one
/// request per operation. A version that is not known yet costs a read, counted as such. A lost race is a conflict, and its
/// answer carries the version for the next try.
/// </summary>
/// <param name="options">Sizes.</param>
/// <param name="keys">Choice of keys.</param>
/// <param name="known">Versions by key, shared by all clients; 0 is unknown. Races on it cost conflicts, never correctness.</param>
/// <param name="random">Source of filler.</param>
internal sealed class CompareAndSetWorkload(WorkloadOptions options, IKeyDistribution keys, ulong[] known, Random random) : IWorkload
{
    private readonly RequestTemplate _get = RequestTemplate.Get(options.Keyspace);
    private readonly RequestTemplate _put = Filled(RequestTemplate.PutIfMatch(options.Keyspace, options.ValueBytes), random);
    private readonly RequestTemplate _create = Filled(RequestTemplate.PutIfAbsent(options.Keyspace, options.ValueBytes), random);
    private int _key = -1;
    private OperationKind _kind;
    private bool _absent;
    private long _counter;

    /// <inheritdoc/>
    public (ReadOnlyMemory<byte> Request, OperationKind Kind) Next()
    {
        // After a read the write follows on the same key.
        if (_key < 0)
            _key = keys.Next();
        var version = Volatile.Read(ref known[_key]);
        RequestTemplate request;
        (request, _kind) = (version, _absent) switch
        {
            (_, true) => (_create, OperationKind.CompareAndSet),
            (0, _) => (_get, OperationKind.Get),
            _ => (_put, OperationKind.CompareAndSet),
        };
        request.SetKey(_key);
        if (_kind == OperationKind.CompareAndSet)
            ValueFormat.Write(request.Value, _key, ++_counter);
        if (request == _put)
            request.SetVersion(version);
        return (request.Bytes, _kind);
    }

    /// <inheritdoc/>
    public Verdict Judge(ResponseParser response, bool thorough)
    {
        var key = _key;
        if (_kind == OperationKind.Get && response.Status == 404)
        {
            _absent = true;
            return Verdict.Success;
        }

        if (_kind == OperationKind.CompareAndSet || response.Status != 200)
            (_key, _absent) = (-1, false);
        switch (response.Status)
        {
            case 200 or 201:
                var version = Parse(response.EntityTag());
                Volatile.Write(ref known[key], version);
                return version == 0 ? Verdict.Failure(TransportErrors.WrongContent) : Verdict.Success;
            case 412:
                Volatile.Write(ref known[key], Parse(Problem.Read(response).CurrentVersion));
                return Verdict.Conflict;
            default:
                Volatile.Write(ref known[key], 0);
                return Verdict.Failure(Problem.Read(response).Code);
        }
    }

    private static RequestTemplate Filled(RequestTemplate template, Random random)
    {
        ValueFormat.Fill(template.Value, random);
        return template;
    }

    private static ulong Parse(string? version) =>
        ulong.TryParse(version, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value) ? value : 0;
}
