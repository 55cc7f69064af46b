using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using GrainDb.Api.Keys;
using GrainDb.Interfaces.Changes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace GrainDb.Api.Changes;

/// <summary>Writes server-sent events (<c>text/event-stream</c>, WHATWG HTML, 9.2). Every event is one line of data.</summary>
internal sealed class EventStream : IDisposable
{
    public const string MediaType = "text/event-stream";

    private readonly PipeWriter _body;
    private readonly Utf8JsonWriter _json;
    private readonly TimeProvider _time;
    private readonly string _keyspace;
    private readonly ulong _hash;

    public EventStream(HttpContext context, WatchRequest request, TimeProvider time)
    {
        context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        var response = context.Response;
        response.ContentType = MediaType;
        response.Headers.CacheControl = "no-store";
        response.Headers["X-Accel-Buffering"] = "no"; // or a proxy would keep events until it has enough of them
        _body = response.BodyWriter;
        _json = new Utf8JsonWriter(_body, JsonValues.WriterOptions);
        _time = time;
        _keyspace = request.Keyspace;
        _hash = request.Hash;
    }

    public void WriteChange(FeedChange change)
    {
        Begin(change.Position, ChangeJson.NameOf(change));
        _json.WriteStartObject();
        ChangeJson.WriteMembers(_json, _keyspace, change);
        End();
    }

    public void WriteProgress(FeedPosition position)
    {
        Begin(position, "progress");
        _json.WriteStartObject();
        _json.WriteString("resolvedTimestamp"u8, position.CompleteUpTo.ToString());
        End();
    }

    /// <summary>The last words of a stream that this side ends: why, and where to go on.</summary>
    public void WriteEnd(string why, FeedPosition position) => Write($": {why}\n: cursor={FeedCursor.Format(_hash, position)}\n\n");

    /// <summary>Hands what was written to the connection.</summary>
    /// <returns>False: the reader did not take it within <paramref name="patience"/>. The stream is to be ended then.</returns>
    public async Task<bool> TryFlushAsync(TimeSpan patience, CancellationToken cancellationToken)
    {
        // Not cancelled: that would cut the connection. What is still written goes behind what is on its way.
        var flushing = _body.FlushAsync(CancellationToken.None);
        if (flushing.IsCompletedSuccessfully)
            return !flushing.Result.IsCompleted;
        try
        {
            return !(await flushing.AsTask().WaitAsync(patience, _time, cancellationToken)).IsCompleted;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    public void Dispose() => _json.Dispose();

    private void Begin(FeedPosition position, string name) => Write($"id: {FeedCursor.Format(_hash, position)}\nevent: {name}\ndata: ");

    private void End()
    {
        _json.WriteEndObject();
        _json.Flush();
        _json.Reset();
        Write("\n\n");
    }

    private void Write(string text) => Encoding.ASCII.GetBytes(text, _body);
}
