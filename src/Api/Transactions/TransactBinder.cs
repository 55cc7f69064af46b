using System.Text;
using GrainDb.Api.Errors;
using GrainDb.Api.Keys;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Api.Transactions;

/// <summary>From the body of <c>POST /v1/transact</c> to a request; every refusal says where in the body, and happens before anything is asked of the store.</summary>
internal sealed class TransactBinder(int maxValueBytes, TimeProvider time)
{
    private const string Checks = "checks";
    private const string Reads = "reads";
    private const string Writes = "writes";

    /// <param name="body">The body.</param>
    /// <param name="idempotency">What makes a repetition one; null for none.</param>
    public TransactRequest Bind(TransactBody body, IdempotencyStamp? idempotency)
    {
        CheckCounts(body, idempotency is not null);
        var request = new TransactRequest
        {
            Isolation = Isolation.Parse(body.Isolation),
            AsOf = AsOf.Parse(body.AsOf, time),
            Checks = BindAll(Checks, body.Checks, BindCheck),
            Reads = BindAll(Reads, body.Reads, BindRead),
            Writes = BindAll(Writes, body.Writes, BindWrite),
            Idempotency = idempotency,
        };
        if (!request.AsOf.IsZero && request.Writes.Count > 0)
            throw BadInput.Request("asOf excludes writes: the past cannot be written.");
        CheckSizes(request);
        RefuseDuplicates(request.Writes);
        return request;
    }

    private static void CheckCounts(TransactBody body, bool isRepeatable)
    {
        var (checks, reads, writes) = (body.Checks?.Count ?? 0, body.Reads?.Count ?? 0, body.Writes?.Count ?? 0);
        if (checks + reads + writes == 0)
            throw BadInput.Request("The JSON body is wrong at $: it has no checks, no reads and no writes.");
        if (checks + reads > TransactionLimits.MaxReads)
            throw TooLarge($"{Checks} and {Reads} have {checks + reads} entries together; the limit is {TransactionLimits.MaxReads}.");
        if (writes > TransactionLimits.MaxWrites)
            throw TooLarge($"{Writes} has {writes} entries; the limit is {TransactionLimits.MaxWrites}.");
        if (isRepeatable && writes == 0)
            throw BadInput.Request($"{Idempotency.IdempotencyKey.Header} is not offered without writes: a transaction that changes nothing is evaluated anew each time.");
        if (isRepeatable && writes > TransactAnswer.MaxWrites)
            throw TooLarge($"{Writes} has {writes} entries; with {Idempotency.IdempotencyKey.Header} the limit is {TransactAnswer.MaxWrites}, so that the answer can be kept.");
    }

    private static void CheckSizes(TransactRequest request)
    {
        var rows = request.Checks.Count + request.Reads.Sum(read => read.IsScan ? (long)read.Limit : 1);
        if (rows > TransactionLimits.MaxReads)
            throw TooLarge($"{Checks} and {Reads} ask for up to {rows} rows together; the limit is {TransactionLimits.MaxReads}.");
        var bytes = request.Writes.Sum(write => (long)write.Write.Key.Length + write.Write.Value.Length);
        if (bytes > TransactionLimits.MaxBytes)
            throw TooLarge($"{Writes} has {bytes} bytes of keys and values; the limit is {TransactionLimits.MaxBytes}.");
    }

    private static void RefuseDuplicates(IReadOnlyList<TransactWrite> writes)
    {
        var seen = new Dictionary<(string Keyspace, string Key), int>(writes.Count);
        for (var i = 0; i < writes.Count; i++)
        {
            // Latin-1 gives every byte its own character, so equal strings are equal keys.
            if (!seen.TryAdd((writes[i].Keyspace, Encoding.Latin1.GetString(writes[i].Write.Key.Span)), i))
                throw Wrong(Writes, i, $"writes the same key as $.{Writes}[{seen[(writes[i].Keyspace, Encoding.Latin1.GetString(writes[i].Write.Key.Span))]}]; the keys must be distinct");
        }
    }

    /// <summary>Binds a list; what is wrong with the content of an element says which.</summary>
    private static TBound[] BindAll<TBody, TBound>(string member, List<TBody?>? bodies, Func<TBody, int, TBound> bind)
        where TBody : class
    {
        var bound = new TBound[bodies?.Count ?? 0];
        for (var i = 0; i < bound.Length; i++)
        {
            var body = bodies![i] ?? throw Wrong(member, i, "is null");
            try
            {
                bound[i] = bind(body, i);
            }
            catch (GrainDbException refused) when (!refused.Failure.Detail.StartsWith("The JSON body is wrong", StringComparison.Ordinal))
            {
                throw new GrainDbException(refused.Failure with { Detail = $"$.{member}[{i}]: {refused.Failure.Detail}" });
            }
        }

        return bound;
    }

    private TransactCheck BindCheck(TransactCheckBody body, int index)
    {
        RequireShape(Checks, index, JsonOperands.AddressProblem(body.Keyspace, body.Key, body.Key64));
        var values = JsonOperands.CountValues(body.Value, body.Json, body.Value64);
        if ((body.Version is null ? 0 : 1) + (body.Exists is null ? 0 : 1) + (body.AtLeast is null ? 0 : 1) + (body.AtMost is null ? 0 : 1) + values != 1)
            throw Wrong(Checks, index, "needs exactly one of version, exists, value, json, value64, atLeast and atMost");
        var (keyspace, key) = JsonOperands.Address(body.Keyspace!, body.Key, body.Key64, write: false);
        if (body.Version is not null)
        {
            return EntityTags.TryParseVersion(body.Version, quoted: false, out var version)
                ? new TransactCheck(keyspace, key, CheckKind.VersionEquals, version, default)
                : throw BadInput.Request($"version is '{QueryParameters.Shorten(body.Version)}'; it must be 16 hex digits, as results and ETag give it.");
        }

        if ((body.AtLeast ?? body.AtMost) is { } bound)
            return new TransactCheck(keyspace, key, body.AtLeast is null ? CheckKind.AtMost : CheckKind.AtLeast, Timestamp.Zero, default) { Bound = bound };
        if (body.Exists is { } exists)
            return new TransactCheck(keyspace, key, exists ? CheckKind.Exists : CheckKind.NotExists, Timestamp.Zero, default);
        var value = JsonOperands.Value(body.Value, body.Json, body.Value64);
        return value.Length <= maxValueBytes
            ? new TransactCheck(keyspace, key, CheckKind.ValueEquals, Timestamp.Zero, value)
            : throw BadInput.Of(ErrorCode.ValueTooLarge, $"The value has {value.Length} bytes; the limit is {maxValueBytes}.");
    }

    private TransactRead BindRead(TransactReadBody body, int index)
    {
        if (body.Prefix is null && body.Prefix64 is null)
        {
            RequireShape(Reads, index, JsonOperands.AddressProblem(body.Keyspace, body.Key, body.Key64));
            if (body.Limit is not null)
                throw Wrong(Reads, index, "has a limit, which belongs to a prefix");
            var (keyspace, key) = JsonOperands.Address(body.Keyspace!, body.Key, body.Key64, write: false);
            return new TransactRead(keyspace, key, IsScan: false, End: null, Limit: 1);
        }

        if (body.Keyspace is null)
            throw Wrong(Reads, index, "names no keyspace");
        if (body.Key is not null || body.Key64 is not null || (body.Prefix is not null && body.Prefix64 is not null))
            throw Wrong(Reads, index, "needs exactly one of key, key64, prefix and prefix64");
        KeyAddress.CheckKeyspace(body.Keyspace);
        var prefix = JsonOperands.Bytes(body.Prefix, body.Prefix64, "prefix64");
        if (prefix.Length > KeyLimits.MaxKeyBytes)
            throw BadInput.Of(ErrorCode.KeyTooLarge, $"The prefix has {prefix.Length} bytes; the limit is {KeyLimits.MaxKeyBytes}.");
        var limit = body.Limit ?? KeyLimits.DefaultScanLimit;
        return limit is >= 1 and <= KeyLimits.MaxScanLimit
            ? new TransactRead(body.Keyspace, prefix, IsScan: true, ScanQuery.EndOfPrefix(prefix), limit)
            : throw BadInput.Request($"limit is {limit}; it must be from 1 to {KeyLimits.MaxScanLimit}.");
    }

    private TransactWrite BindWrite(TransactWriteBody body, int index)
    {
        if ((body.Put is null ? 0 : 1) + (body.Delete is null ? 0 : 1) + (body.Increment is null ? 0 : 1) != 1)
            throw Wrong(Writes, index, "must have exactly one of put, delete and increment");
        if (body.Put is { } put)
            return BindPut(put, index);
        if (body.Delete is { } delete)
        {
            RequireShape(Writes, index, JsonOperands.AddressProblem(delete.Keyspace, delete.Key, delete.Key64));
            var (keyspace, key) = JsonOperands.Address(delete.Keyspace!, delete.Key, delete.Key64, write: true);
            return new TransactWrite(keyspace, new KeyWrite(key, WriteKind.Delete, default, "", WriteCondition.None, TimeToLive: null), Increment: null);
        }

        var increment = body.Increment!;
        RequireShape(Writes, index, JsonOperands.AddressProblem(increment.Keyspace, increment.Key, increment.Key64));
        var (counters, counter) = JsonOperands.Address(increment.Keyspace!, increment.Key, increment.Key64, write: true);
        return new TransactWrite(counters, new KeyWrite(counter, WriteKind.Put, default, "", WriteCondition.None, TimeToLive: null), increment.By ?? 1);
    }

    private TransactWrite BindPut(TransactPut put, int index)
    {
        RequireShape(Writes, index, JsonOperands.AddressProblem(put.Keyspace, put.Key, put.Key64));
        if (!JsonOperands.HasOneValue(put.Value, put.Json, put.Value64))
            throw Wrong(Writes, index, "needs exactly one of value, json and value64");
        var (keyspace, key) = JsonOperands.Address(put.Keyspace!, put.Key, put.Key64, write: true);
        var (value, contentType) = JsonOperands.Stored(put.Value, put.Json, put.Value64, put.ContentType, maxValueBytes);
        return new TransactWrite(keyspace, new KeyWrite(key, WriteKind.Put, value, contentType, WriteCondition.None, TimeToLive.Parse(put.Ttl)), Increment: null);
    }

    private static void RequireShape(string member, int index, string? problem)
    {
        if (problem is not null)
            throw Wrong(member, index, problem);
    }

    private static GrainDbException Wrong(string member, int index, string what) => BadInput.Request($"The JSON body is wrong at $.{member}[{index}]: it {what}.");

    private static GrainDbException TooLarge(string detail) => BadInput.Of(ErrorCode.TransactionTooLarge, detail);
}
