using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Keys;

/// <summary>
/// Writes a JSON answer into a buffer and hands that to the connection every <see cref="FlushBytes"/>, so that a slow reader holds the writer back instead of
/// filling memory. An answer that fits goes out whole, with its length in front; a longer one in chunks.
/// </summary>
internal sealed class PacedJsonWriter : IAsyncDisposable
{
    private const int FlushBytes = 64 * 1024;

    private readonly HttpContext _context;
    private readonly PooledBuffer _buffer = new();

    public PacedJsonWriter(HttpContext context)
    {
        _context = context;
        Json = new Utf8JsonWriter(_buffer, JsonValues.WriterOptions);
    }

    public Utf8JsonWriter Json { get; }

    /// <summary>To be called between the elements of a list.</summary>
    public ValueTask PaceAsync() => _buffer.Length + Json.BytesPending < FlushBytes ? ValueTask.CompletedTask : SendAsync();

    /// <summary>Ends a line of ndjson and begins a new document.</summary>
    public void EndLine()
    {
        Json.Flush();
        Json.Reset();
        _buffer.GetSpan(1)[0] = (byte)'\n';
        _buffer.Advance(1);
    }

    /// <summary>Hands over the rest; the answer is complete.</summary>
    public ValueTask FlushAsync()
    {
        Json.Flush();
        if (!_context.Response.HasStarted)
            _context.Response.ContentLength = _buffer.Length;
        return SendAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await Json.DisposeAsync();
        _buffer.Dispose();
    }

    private async ValueTask SendAsync()
    {
        Json.Flush();
        var sent = await _context.Response.BodyWriter.WriteAsync(_buffer.Written, _context.RequestAborted);
        _buffer.Clear();
        if (sent.IsCompleted)
            throw new OperationCanceledException(_context.RequestAborted);
    }
}
