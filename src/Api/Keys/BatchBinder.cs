using GrainDb.Api.Errors;
using GrainDb.Api.Eventual;
using GrainDb.Api.Keyspaces;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;

namespace GrainDb.Api.Keys;

/// <summary>From operations of right shape to steps. What the single request would have been refused for becomes the step's failure.</summary>
internal sealed class BatchBinder(IKeyspaceDirectory directory, IEventualStates states, ApiOptions options, TimeProvider time)
{
    public async ValueTask<List<BatchStep>> BindAsync(IReadOnlyList<BatchOperation> operations, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var found = new Dictionary<string, (KeyspaceDescriptor? Keyspace, Failure? Failure)>(StringComparer.Ordinal);
        var steps = new List<BatchStep>(operations.Count);
        foreach (var operation in operations)
        {
            var name = BatchStep.KeyspaceOf(operation);
            if (!found.TryGetValue(name, out var there))
                found.Add(name, there = await FindAsync(name, timeout, cancellationToken));
            steps.Add(there.Failure is { } failure ? BatchStep.Refused(failure) : Bind(operation, there.Keyspace!));
        }

        return steps;
    }

    private async ValueTask<(KeyspaceDescriptor? Keyspace, Failure? Failure)> FindAsync(string name, TimeSpan timeout, CancellationToken cancellationToken)
    {
        try
        {
            return (await directory.RequireAsync(KeyAddress.CheckKeyspace(name), timeout, cancellationToken), null);
        }
        catch (GrainDbException refused)
        {
            return (null, refused.Failure);
        }
    }

    private BatchStep Bind(BatchOperation operation, KeyspaceDescriptor keyspace)
    {
        try
        {
            return operation switch
            {
                { Put: { } put } => keyspace.Family == KeyspaceFamily.Eventual ? BindEventual(put, keyspace) : BindStrong(put),
                { Get: { } get } => BindGet(get, keyspace),
                _ => keyspace.Family == KeyspaceFamily.Eventual ? BindEventual(operation.Delete!, keyspace) : BindStrong(operation.Delete!),
            };
        }
        catch (GrainDbException refused)
        {
            return BatchStep.Refused(refused.Failure);
        }
    }

    private BatchStep BindGet(BatchGet get, KeyspaceDescriptor keyspace)
    {
        var (name, key) = JsonOperands.Address(get.Keyspace!, get.Key, get.Key64, write: false);
        if (keyspace.Family == KeyspaceFamily.Strong)
            return new BatchStep(name, key, Write: null, AsOf.Parse(get.AsOf, time), Failure: null);
        RequireValues(keyspace);
        if (get.AsOf is not null)
            throw BadInput.Unsupported($"asOf is not offered on eventual keyspaces: '{name}' keeps no versions.");
        return new BatchStep(name, key, Write: null, Timestamp.Zero, Failure: null) { Eventual = keyspace };
    }

    private BatchStep BindStrong(BatchPut put)
    {
        RefuseContext(put.Context);
        var (keyspace, key) = JsonOperands.Address(put.Keyspace!, put.Key, put.Key64, write: true);
        var (value, contentType) = JsonOperands.Stored(put.Value, put.Json, put.Value64, put.ContentType, options.MaxValueBytes);
        var condition = EntityTags.ParseWriteCondition(put.IfMatch, put.IfNoneMatch, quoted: false);
        var write = new KeyWrite(key, WriteKind.Put, value, contentType, condition, TimeToLive.Parse(put.Ttl));
        return new BatchStep(keyspace, key, write, Timestamp.Zero, Failure: null);
    }

    private static BatchStep BindStrong(BatchDelete delete)
    {
        RefuseContext(delete.Context);
        var (keyspace, key) = JsonOperands.Address(delete.Keyspace!, delete.Key, delete.Key64, write: true);
        var condition = EntityTags.ParseWriteCondition(delete.IfMatch, ifNoneMatch: null, quoted: false);
        var write = new KeyWrite(key, WriteKind.Delete, ReadOnlyMemory<byte>.Empty, "", condition, TimeToLive: null);
        return new BatchStep(keyspace, key, write, Timestamp.Zero, Failure: null);
    }

    private BatchStep BindEventual(BatchPut put, KeyspaceDescriptor keyspace)
    {
        RequireValues(keyspace);
        RefuseConditions(put.IfMatch ?? put.IfNoneMatch);
        var (name, key) = JsonOperands.Address(put.Keyspace!, put.Key, put.Key64, write: true);
        var (value, contentType) = JsonOperands.Stored(put.Value, put.Json, put.Value64, put.ContentType, Math.Min(options.MaxValueBytes, EventualLimits.MaxValueBytes));
        return StepOf(keyspace, new EventualWrite
        {
            Key = key,
            Kind = EventualWriteKind.Put,
            Value = value,
            ContentType = contentType,
            Context = ContextText.Parse(put.Context, "context", key, states),
            TimeToLive = TimeToLive.Parse(put.Ttl),
        }, name, key);
    }

    private BatchStep BindEventual(BatchDelete delete, KeyspaceDescriptor keyspace)
    {
        RefuseConditions(delete.IfMatch);
        var (name, key) = JsonOperands.Address(delete.Keyspace!, delete.Key, delete.Key64, write: true);
        return StepOf(keyspace, new EventualWrite { Key = key, Kind = EventualWriteKind.Delete, Context = ContextText.Parse(delete.Context, "context", key, states) }, name, key);
    }

    private static BatchStep StepOf(KeyspaceDescriptor keyspace, EventualWrite write, string name, byte[] key) =>
        new(name, key, Write: null, Timestamp.Zero, Failure: null) { Eventual = keyspace, EventualWrite = write };

    private static void RequireValues(KeyspaceDescriptor keyspace)
    {
        if (EventualRequest.IsCrdt(keyspace))
            throw BadInput.Unsupported($"Keys of '{keyspace.Name}' hold a data type ({KeyspaceFinder.NameOf(keyspace.Conflict)}), not values: use /v1/crdt/{keyspace.Name}/{{key}}.");
    }

    private static void RefuseConditions(string? condition)
    {
        if (condition is not null)
            throw BadInput.Unsupported("ifMatch and ifNoneMatch are not offered on eventual keyspaces. Write with context instead.");
    }

    private static void RefuseContext(string? context)
    {
        if (context is not null)
            throw BadInput.Unsupported("context belongs to eventual keyspaces; this one is strong.");
    }
}
