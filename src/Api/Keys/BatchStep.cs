using System.Buffers;
using System.Buffers.Text;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using GrainDb.Api.Errors;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Api.Keys;

/// <summary>One bound operation of a batch.</summary>
/// <param name="Keyspace">Its keyspace.</param>
/// <param name="Key">Its key.</param>
/// <param name="Write">What it writes; null for a read.</param>
/// <param name="AsOf">Snapshot of a read; zero for now.</param>
/// <param name="Failure">Why it cannot run, as the single request would have been refused; null when it can.</param>
internal sealed record BatchStep(string Keyspace, byte[] Key, KeyWrite? Write, Timestamp AsOf, Failure? Failure)
{
    /// <summary>
    /// Refuses an operation whose shape is wrong (no member or two, a value in two forms): that ends the whole batch before
    /// anything ran.
    /// </summary>
    public static void CheckShape(BatchOperation? operation, int index)
    {
        var given = (operation?.Put is null ? 0 : 1) + (operation?.Get is null ? 0 : 1) + (operation?.Delete is null ? 0 : 1);
        if (given != 1)
            throw Wrong(index, "must have exactly one of put, get and delete");
        if (operation!.Put is { } put)
        {
            CheckAddress(put.Keyspace, put.Key, put.Key64, index);
            if ((put.Value is null ? 0 : 1) + (put.Value64 is null ? 0 : 1) + (HasJson(put) ? 1 : 0) != 1)
                throw Wrong(index, "needs exactly one of value, json and value64");
        }
        else if (operation.Get is { } get)
        {
            CheckAddress(get.Keyspace, get.Key, get.Key64, index);
        }
        else if (operation.Delete is { } delete)
        {
            CheckAddress(delete.Keyspace, delete.Key, delete.Key64, index);
        }
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
        var (keyspace, key) = Address(put.Keyspace!, put.Key, put.Key64, write: true);
        var value = Value(put);
        if (value.Length > maxValueBytes)
            throw BadInput.Of(ErrorCode.ValueTooLarge, $"The value has {value.Length} bytes; the limit is {maxValueBytes}.");
        var contentType = put.ContentType ?? (HasJson(put) ? MediaType.Json : put.Value is not null ? MediaType.Text : "");
        var condition = EntityTags.ParseWriteCondition(put.IfMatch, put.IfNoneMatch, quoted: false);
        var write = new KeyWrite(key, WriteKind.Put, value, MediaType.Check(contentType), condition, TimeToLive.Parse(put.Ttl));
        return new BatchStep(keyspace, key, write, Timestamp.Zero, Failure: null);
    }

    private static BatchStep BindGet(BatchGet get, TimeProvider time)
    {
        var (keyspace, key) = Address(get.Keyspace!, get.Key, get.Key64, write: false);
        return new BatchStep(keyspace, key, Write: null, Keys.AsOf.Parse(get.AsOf, time), Failure: null);
    }

    private static BatchStep BindDelete(BatchDelete delete)
    {
        var (keyspace, key) = Address(delete.Keyspace!, delete.Key, delete.Key64, write: true);
        var condition = EntityTags.ParseWriteCondition(delete.IfMatch, ifNoneMatch: null, quoted: false);
        var write = new KeyWrite(key, WriteKind.Delete, ReadOnlyMemory<byte>.Empty, "", condition, TimeToLive: null);
        return new BatchStep(keyspace, key, write, Timestamp.Zero, Failure: null);
    }

    private static bool HasJson(BatchPut put) => put.Json.ValueKind != JsonValueKind.Undefined;

    private static void CheckAddress(string? keyspace, string? key, string? key64, int index)
    {
        if (keyspace is null)
            throw Wrong(index, "names no keyspace");
        if ((key is null) == (key64 is null))
            throw Wrong(index, "needs exactly one of key and key64");
    }

    private static (string Keyspace, byte[] Key) Address(string keyspace, string? key, string? key64, bool write)
    {
        KeyRequest.CheckKeyspace(keyspace);
        if (write)
            KeyRequest.RefuseSystem(keyspace);
        byte[]? bytes;
        if (key is not null)
            bytes = Encoding.UTF8.GetBytes(key);
        else if (!KeyDecoder.TryDecodeBase64(key64, KeyRequest.Key64Parameter, out bytes, out var failure))
            throw new GrainDbException(failure);
        return KeyDecoder.CheckLength(bytes) is { } wrong ? throw new GrainDbException(wrong) : (keyspace, bytes);
    }

    private static byte[] Value(BatchPut put)
    {
        if (HasJson(put))
            return JsonMarshal.GetRawUtf8Value(put.Json).ToArray();
        if (put.Value is not null)
            return Encoding.UTF8.GetBytes(put.Value);
        // Both alphabets are taken: no text is valid in both and means different bytes.
        var text = put.Value64!.Replace('+', '-').Replace('/', '_');
        var bytes = new byte[Base64Url.GetMaxDecodedLength(text.Length)];
        if (Base64Url.DecodeFromChars(text, bytes, out _, out var written) != OperationStatus.Done)
            throw BadInput.Request("value64 is not base64url.");
        Array.Resize(ref bytes, written);
        return bytes;
    }

    private static GrainDbException Wrong(int index, string what) => BadInput.Request($"The JSON body is wrong at $.ops[{index}]: the operation {what}.");
}
