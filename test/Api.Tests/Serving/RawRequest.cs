using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace GrainDb.Api.Tests.Serving;

/// <summary>A response taken apart by hand.</summary>
/// <param name="Status">Status code; 0 when the server closed without an answer.</param>
/// <param name="Headers">By lower-case name.</param>
/// <param name="Body">The body, chunks joined.</param>
internal sealed record RawResponse(int Status, IReadOnlyDictionary<string, string> Headers, byte[] Body)
{
    public JsonElement Json => JsonDocument.Parse(Body).RootElement;

    public string Text => Encoding.UTF8.GetString(Body);
}

/// <summary>
/// Sends bytes exactly as written: what an HTTP client would refuse or mend is what these tests are about. Strings are
/// Latin-1, so every byte can be written.
/// </summary>
internal static class RawRequest
{
    public static Task<RawResponse> SendAsync(Uri address, string request) => SendAsync(address, async (stream, token) =>
    {
        await stream.WriteAsync(Encoding.Latin1.GetBytes(request), token);
    });

    public static async Task<RawResponse> SendAsync(Uri address, Func<NetworkStream, CancellationToken, Task> send)
    {
        var token = TestContext.Current.CancellationToken;
        using var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync(address.Host, address.Port, token);
        await using var stream = client.GetStream();
        try
        {
            await send(stream, token);
        }
        catch (IOException)
        {
            // The server may have answered and closed before all was sent.
        }

        return await ReadAsync(stream, token);
    }

    /// <summary>Reads one response; requests that go through here ask for <c>Connection: close</c> or are closed by the server.</summary>
    public static async Task<RawResponse> ReadAsync(Stream stream, CancellationToken token)
    {
        var bytes = new MemoryStream();
        var buffer = new byte[16 * 1024];
        try
        {
            for (var read = await stream.ReadAsync(buffer, token); read > 0; read = await stream.ReadAsync(buffer, token))
            {
                bytes.Write(buffer, 0, read);
                if (Parse(bytes.ToArray(), atEnd: false) is { } whole)
                    return whole;
            }
        }
        catch (IOException)
        {
            // A reset after the answer is as good as its end.
        }

        return Parse(bytes.ToArray(), atEnd: true) ?? new RawResponse(0, new Dictionary<string, string>(), []);
    }

    private static RawResponse? Parse(byte[] bytes, bool atEnd)
    {
        var end = bytes.AsSpan().IndexOf("\r\n\r\n"u8);
        if (end < 0)
            return null;
        var lines = Encoding.Latin1.GetString(bytes, 0, end).Split("\r\n");
        var status = int.Parse(lines[0].Split(' ')[1], CultureInfo.InvariantCulture);
        var rest = bytes[(end + 4)..];
        if (status == 100)
            return Parse(rest, atEnd);
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var line in lines.Skip(1))
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            headers[line[..colon]] = line[(colon + 1)..].Trim();
        }

        if (headers.TryGetValue("Transfer-Encoding", out var encoding) && encoding == "chunked")
            return Unchunk(rest) is { } joined ? new RawResponse(status, headers, joined) : null;
        if (headers.TryGetValue("Content-Length", out var length) && rest.Length >= int.Parse(length, CultureInfo.InvariantCulture))
            return new RawResponse(status, headers, rest[..int.Parse(length, CultureInfo.InvariantCulture)]);
        return atEnd || status is 204 or 304 ? new RawResponse(status, headers, rest) : null;
    }

    private static byte[]? Unchunk(byte[] bytes)
    {
        var joined = new MemoryStream();
        var position = 0;
        while (true)
        {
            var line = bytes.AsSpan(position).IndexOf("\r\n"u8);
            if (line < 0)
                return null;
            var size = int.Parse(Encoding.ASCII.GetString(bytes, position, line), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            position += line + 2;
            if (size == 0)
                return joined.ToArray();
            if (position + size + 2 > bytes.Length)
                return null;
            joined.Write(bytes, position, size);
            position += size + 2;
        }
    }
}
