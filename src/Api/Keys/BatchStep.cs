using GrainDb.Api.Errors;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Api.Keys;

/// <summary>One bound operation of a batch.</summary>
/// <param name="Keyspace">Its keyspace.</param>
/// <param name="Key">Its key.</param>
/// <param name="Write">What it writes; null for a read.</param>
/// <param name="AsOf">Snapshot of a read; zero for now.</param>
/// <param name="Failure">Why it cannot run, as the single request would have been refused; null when it can.</param>
internal sealed record BatchStep(string Keyspace, byte[] Key, KeyWrite? Write, Timestamp AsOf, Failure? Failure)
{
    /// <summary>Of a write: what makes its repetition one; null for nothing.</summary>
    public IdempotencyStamp? Idempotency { get; init; }

    /// <summary>
    /// Refuses an operation whose shape is wrong (no member or two, a value in two forms): that ends the whole batch before
    /// anything ran.
    /// </summary>
    public static void CheckShape(BatchOperation? operation, int index)
    {
        var given = (operation?.Put is null ? 0 : 1) + (operation?.Get is null ? 0 : 1) + (operation?.Delete is null ? 0 : 1);
        if (given != 1)
            throw Wrong(index, "must have exactly one of put, get and delete");
        var problem = operation switch
        {
            { Put: { } put } => JsonOperands.AddressProblem(put.Keyspace, put.Key, put.Key64)
                ?? (JsonOperands.HasOneValue(put.Value, put.Json, put.Value64) ? null : "needs exactly one of value, json and value64"),
            { Get: { } get } => JsonOperands.AddressProblem(get.Keyspace, get.Key, get.Key64),
            _ => JsonOperands.AddressProblem(operation!.Delete!.Keyspace, operation.Delete.Key, operation.Delete.Key64),
        };
        if (problem is not null)
            throw Wrong(index, problem);
    }

    /// <summary>Binds an operation of right shape. What the single request would have been refused for becomes the step's failure.</summary>
    public static BatchStep Bind(BatchOperation operation, int maxValueBytes, TimeProvider time)
    {
        try
        {
            return operation switch
            {
                { Put: { } put } => BindPut(put, maxValueBytes),
                { Get: { } get } => BindGet(get, time),
                _ => BindDelete(operation.Delete!),
            };
        }
        catch (GrainDbException refused)
        {
            return new BatchStep("", [], Write: null, Timestamp.Zero, refused.Failure);
        }
    }

    private static BatchStep BindPut(BatchPut put, int maxValueBytes)
    {
        var (keyspace, key) = JsonOperands.Address(put.Keyspace!, put.Key, put.Key64, write: true);
        var (value, contentType) = JsonOperands.Stored(put.Value, put.Json, put.Value64, put.ContentType, maxValueBytes);
        var condition = EntityTags.ParseWriteCondition(put.IfMatch, put.IfNoneMatch, quoted: false);
        var write = new KeyWrite(key, WriteKind.Put, value, contentType, condition, TimeToLive.Parse(put.Ttl));
        return new BatchStep(keyspace, key, write, Timestamp.Zero, Failure: null);
    }

    private static BatchStep BindGet(BatchGet get, TimeProvider time)
    {
        var (keyspace, key) = JsonOperands.Address(get.Keyspace!, get.Key, get.Key64, write: false);
        return new BatchStep(keyspace, key, Write: null, Keys.AsOf.Parse(get.AsOf, time), Failure: null);
    }

    private static BatchStep BindDelete(BatchDelete delete)
    {
        var (keyspace, key) = JsonOperands.Address(delete.Keyspace!, delete.Key, delete.Key64, write: true);
        var condition = EntityTags.ParseWriteCondition(delete.IfMatch, ifNoneMatch: null, quoted: false);
        var write = new KeyWrite(key, WriteKind.Delete, ReadOnlyMemory<byte>.Empty, "", condition, TimeToLive: null);
        return new BatchStep(keyspace, key, write, Timestamp.Zero, Failure: null);
    }

    private static GrainDbException Wrong(int index, string what) => BadInput.Request($"The JSON body is wrong at $.ops[{index}]: the operation {what}.");
}
