using System.Text;

namespace GrainDb.LoadTool.Http;

/// <summary>Writes whole requests. For paths where building a request per call is cheap enough; the workloads patch templates.</summary>
internal static class RequestText
{
    /// <summary>
    /// What every request says: the endpoints are loopback by construction, and a fixed name lets one template serve all of them.
    /// </summary>
    public const string Host = "Host: localhost\r\n";

    /// <summary>A request without a body.</summary>
    public static byte[] Get(string path, string headers = "") => Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\n{Host}{headers}\r\n");

    /// <summary>A request with a body.</summary>
    public static byte[] WithBody(string method, string path, string contentType, ReadOnlySpan<byte> body, string headers = "")
    {
        var head = Encoding.ASCII.GetBytes(
            $"{method} {path} HTTP/1.1\r\n{Host}Content-Type: {contentType}\r\nContent-Length: {body.Length}\r\n{headers}\r\n");
        return [.. head, .. body];
    }

    /// <summary>The path of a key: percent-encoded, slashes kept.</summary>
    public static string KeyPath(string keyspace, string key) => $"/v1/kv/{keyspace}/{Escape(key)}";

    /// <summary>Percent-encodes a key and keeps its slashes.</summary>
    public static string Escape(string key) => string.Join('/', key.Split('/').Select(Uri.EscapeDataString));
}
