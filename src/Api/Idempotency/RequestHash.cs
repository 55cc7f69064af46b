using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Api.Idempotency;

/// <summary>
/// XxHash128 over what decides what a request does: method and route, what the path names, conditions, time to live, media type, body. How
/// long to wait and how many replicas to wait for are no part of it. It tells a repetition from another request with the same key; it is no defence against somebody who
/// looks for collisions, who could as well send the first request again.
/// </summary>
internal sealed class RequestHash
{
    private readonly XxHash128 _hash = new();

    /// <param name="operation">Method and route.</param>
    public RequestHash(string operation) => Add(operation);

    /// <summary>The stamp of a request; null when it has no key.</summary>
    public static IdempotencyStamp? Stamp(string? key, string operation, string subject, ReadOnlySpan<byte> body = default) =>
        key is null ? null : new IdempotencyStamp(key, new RequestHash(operation).Add(subject).Add(body).Finish(), default);

    /// <summary>The stamp of a write of one key; null when the request has no idempotency key.</summary>
    public static IdempotencyStamp? Stamp(string? key, string keyspace, KeyWrite write)
    {
        if (key is null)
            return null;
        var hash = new RequestHash(write.Kind == WriteKind.Put ? "PUT /v1/kv" : "DELETE /v1/kv")
            .Add(keyspace)
            .Add(write.Key.Span)
            .Add(write.Value.Span)
            .Add(write.ContentType)
            .Add((ulong)write.Condition.Kind)
            .Add(write.Condition.Version.Value)
            .Add((ulong)(write.TimeToLive?.Ticks ?? 0));
        return new IdempotencyStamp(key, hash.Finish(), default);
    }

    /// <summary>The stamp of a write of one key of an eventual keyspace; null when the request has no idempotency key.</summary>
    public static IdempotencyStamp? Stamp(string? key, string keyspace, EventualWrite write)
    {
        if (key is null)
            return null;
        var hash = new RequestHash(write.Kind switch
        {
            EventualWriteKind.Put => "PUT /v1/kv",
            EventualWriteKind.Delete => "DELETE /v1/kv",
            _ => "POST /v1/crdt",
        })
            .Add(keyspace)
            .Add(write.Key.Span)
            .Add(write.Value.Span)
            .Add(write.ContentType)
            .Add(write.Context.Span)
            .Add((ulong)(write.TimeToLive?.Ticks ?? 0));
        if (write.Operation is { } operation)
        {
            hash.Add((ulong)operation.Action).Add(unchecked((ulong)operation.By)).Add((ulong)operation.Fields.Count);
            foreach (var field in operation.Fields)
                hash.Add(field.Name.Span).Add(field.Value.Span);
        }

        return new IdempotencyStamp(key, hash.Finish(), default);
    }

    public RequestHash Add(string text) => Add(Encoding.UTF8.GetBytes(text));

    /// <summary>The length goes first, so that moving a byte from one part to the next changes the hash.</summary>
    public RequestHash Add(ReadOnlySpan<byte> bytes)
    {
        Add((ulong)bytes.Length);
        _hash.Append(bytes);
        return this;
    }

    public RequestHash Add(ulong number)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, number);
        _hash.Append(bytes);
        return this;
    }

    public UInt128 Finish() => _hash.GetCurrentHashAsUInt128();
}
