using System.Buffers;
using System.Text.Json;
using GrainDb.LoadTool.Http;

namespace GrainDb.LoadTool.Batches;

/// <summary>Puts that travel in one <c>POST /v1/batch</c>. Not atomic; every operation has its own status.</summary>
internal sealed class BatchRequest : IDisposable
{
    /// <summary>Most operations that the server takes.</summary>
    public const int MaxOperations = 1000;

    private readonly ArrayBufferWriter<byte> _buffer = new();
    private readonly Utf8JsonWriter _writer;
    private readonly string _keyspace;

    /// <summary>An empty batch of puts into one keyspace.</summary>
    public BatchRequest(string keyspace)
    {
        _keyspace = keyspace;
        _writer = new(_buffer);
        _writer.WriteStartObject();
        _writer.WriteStartArray("ops");
    }

    /// <summary>Operations so far.</summary>
    public int Count { get; private set; }

    /// <summary>Adds a put of raw bytes.</summary>
    public void Put(string key, ReadOnlySpan<byte> value, string contentType)
    {
        Begin(key);
        _writer.WriteBase64String("value64", value);
        _writer.WriteString("contentType", contentType);
        End();
    }

    /// <summary>Adds a put of JSON.</summary>
    public void Put(string key, JsonElement value)
    {
        Begin(key);
        _writer.WritePropertyName("json");
        value.WriteTo(_writer);
        End();
    }

    /// <summary>The whole request. Nothing can be added after it.</summary>
    public byte[] ToRequest()
    {
        _writer.WriteEndArray();
        _writer.WriteEndObject();
        _writer.Flush();
        return RequestText.WithBody("POST", "/v1/batch", "application/json", _buffer.WrittenSpan);
    }

    /// <summary>Judges the response.</summary>
    /// <returns>Null when every operation was done; else the code of the first that was not.</returns>
    public static string? FirstFailure(ResponseParser response, int operations)
    {
        if (response.Status != 200)
            return Problem.Read(response).Code;
        var reader = new Utf8JsonReader(response.Body);
        using var document = JsonDocument.ParseValue(ref reader);
        if (!document.RootElement.TryGetProperty("results", out var results) || results.GetArrayLength() != operations)
            return TransportErrors.WrongContent;
        foreach (var result in results.EnumerateArray())
        {
            var status = result.GetProperty("status").GetInt32();
            if (status is not (200 or 201))
                return result.TryGetProperty("code", out var code) ? code.GetString() : $"http_{status}";
        }

        return null;
    }

    /// <inheritdoc/>
    public void Dispose() => _writer.Dispose();

    private void Begin(string key)
    {
        _writer.WriteStartObject();
        _writer.WriteStartObject("put");
        _writer.WriteString("keyspace", _keyspace);
        _writer.WriteString("key", key);
    }

    private void End()
    {
        _writer.WriteEndObject();
        _writer.WriteEndObject();
        Count++;
    }
}
