using GrainDb.Api.Errors;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Api.Keys;

/// <summary>One bound operation of a batch.</summary>
/// <param name="Keyspace">Its keyspace.</param>
/// <param name="Key">Its key.</param>
/// <param name="Write">What it writes to a strong keyspace; null for a read, and for an eventual one.</param>
/// <param name="AsOf">Snapshot of a read; zero for now.</param>
/// <param name="Failure">Why it cannot run, as the single request would have been refused; null when it can.</param>
internal sealed record BatchStep(string Keyspace, byte[] Key, KeyWrite? Write, Timestamp AsOf, Failure? Failure)
{
    /// <summary>Of a write: what makes its repetition one; null for nothing.</summary>
    public IdempotencyStamp? Idempotency { get; init; }

    /// <summary>Its keyspace when that is eventual; else null.</summary>
    public KeyspaceDescriptor? Eventual { get; init; }

    /// <summary>What it writes to an eventual keyspace; null for a read, and for a strong one.</summary>
    public EventualWrite? EventualWrite { get; init; }

    /// <summary>Whether it writes.</summary>
    public bool IsWrite => Write is not null || EventualWrite is not null;

    /// <summary>Whether it puts a value.</summary>
    public bool IsPut => Write is { Kind: WriteKind.Put } || EventualWrite is { Kind: EventualWriteKind.Put };

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

    /// <summary>An operation that cannot run.</summary>
    public static BatchStep Refused(Failure failure) => new("", [], Write: null, Timestamp.Zero, failure);

    /// <summary>Its keyspace as it stands in the body.</summary>
    public static string KeyspaceOf(BatchOperation operation) => (operation.Put?.Keyspace ?? operation.Get?.Keyspace ?? operation.Delete?.Keyspace)!;

    private static GrainDbException Wrong(int index, string what) => BadInput.Request($"The JSON body is wrong at $.ops[{index}]: the operation {what}.");
}
