using System.Net;
using System.Text.Json;
using GrainDb.Api.Tests.Serving;

namespace GrainDb.Api.Tests.Changes;

/// <summary>One server-sent event.</summary>
internal sealed record ServerSentEvent(string? Id, string? Event, JsonElement Data);

/// <summary>Reads a stream of events as the standard has it.</summary>
internal sealed class EventReader : IAsyncDisposable
{
    private readonly StreamReader _lines;

    private EventReader(HttpResponseMessage response, StreamReader lines)
    {
        Response = response;
        _lines = lines;
    }

    public HttpResponseMessage Response { get; }

    public static async Task<EventReader> OpenAsync(ApiServer server, string path, Action<HttpRequestMessage>? with = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        with?.Invoke(request);
        var token = TestContext.Current.CancellationToken;
        var response = await server.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, token);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return new EventReader(response, new StreamReader(await response.Content.ReadAsStreamAsync(token)));
    }

    /// <summary>The next event; there must be one.</summary>
    public async Task<ServerSentEvent> NextAsync()
    {
        string? id = null;
        string? name = null;
        string? data = null;
        while (await _lines.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            if (line.Length == 0 && data is not null)
                return new(id, name, JsonDocument.Parse(data).RootElement);
            var colon = line.IndexOf(": ", StringComparison.Ordinal);
            switch (colon < 0 ? "" : line[..colon])
            {
                case "id":
                    id = line[(colon + 2)..];
                    break;
                case "event":
                    name = line[(colon + 2)..];
                    break;
                case "data":
                    Assert.Null(data);
                    data = line[(colon + 2)..];
                    break;
            }
        }

        throw new EndOfStreamException("the stream ended without another event");
    }

    /// <summary>The comments until the stream ends in order; there must be no more events.</summary>
    public async Task<List<string>> ReadCommentsToEndAsync()
    {
        var comments = new List<string>();
        while (await _lines.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            if (line.Length == 0)
                continue;
            Assert.StartsWith(": ", line, StringComparison.Ordinal);
            comments.Add(line);
        }

        return comments;
    }

    public ValueTask DisposeAsync()
    {
        _lines.Dispose();
        Response.Dispose();
        return default;
    }
}
