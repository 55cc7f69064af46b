using System.IO.Pipelines;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Keys;

/// <summary>
/// Writes a large JSON answer straight into the response and hands it to the connection every <see cref="FlushBytes"/>, so
/// that a slow reader holds the writer back instead of filling memory.
/// </summary>
internal sealed class PacedJsonWriter(HttpContext context) : IAsyncDisposable
{
    private const int FlushBytes = 64 * 1024;

    private readonly PipeWriter _body = context.Response.BodyWriter;
    private long _unflushed;

    public Utf8JsonWriter Json { get; } = new(context.Response.BodyWriter, JsonValues.WriterOptions);

    /// <summary>To be called between the elements of a list.</summary>
    public ValueTask PaceAsync()
    {
        return _unflushed + Json.BytesCommitted + Json.BytesPending < FlushBytes ? ValueTask.CompletedTask : FlushAsync();
    }

    /// <summary>Ends a line of ndjson and begins a new document.</summary>
    public void EndLine()
    {
        Json.Flush();
        _unflushed += Json.BytesCommitted + 1;
        Json.Reset();
        _body.GetSpan(1)[0] = (byte)'\n';
        _body.Advance(1);
    }

    public async ValueTask FlushAsync()
    {
        Json.Flush();
        _unflushed = -Json.BytesCommitted;
        var flushed = await _body.FlushAsync(context.RequestAborted);
        if (flushed.IsCompleted)
            throw new OperationCanceledException(context.RequestAborted);
    }

    public ValueTask DisposeAsync() => Json.DisposeAsync();
}
