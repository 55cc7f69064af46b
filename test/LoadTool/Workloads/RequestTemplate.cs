using System.Text;
using GrainDb.LoadTool.Http;

namespace GrainDb.LoadTool.Workloads;

/// <summary>
/// The bytes of a request whose key, value and version are patched in place: what a request costs its generator is then
/// little more than the two system calls.
/// </summary>
internal sealed class RequestTemplate
{
    private const string KeyMark = "k########";
    private const string VersionMark = "################";

    private readonly byte[] _bytes;
    private readonly int _keyAt;
    private readonly int _versionAt;
    private readonly int _valueBytes;

    private RequestTemplate(string head, int valueBytes)
    {
        var bytes = Encoding.ASCII.GetBytes(head);
        _keyAt = head.IndexOf(KeyMark, StringComparison.Ordinal);
        _versionAt = head.IndexOf($"\"{VersionMark}\"", StringComparison.Ordinal) + 1;
        _valueBytes = valueBytes;
        _bytes = new byte[bytes.Length + valueBytes];
        bytes.CopyTo(_bytes, 0);
    }

    /// <summary>The whole request.</summary>
    public ReadOnlyMemory<byte> Bytes => _bytes;

    /// <summary>The value.</summary>
    public Span<byte> Value => _bytes.AsSpan(_bytes.Length - _valueBytes);

    /// <summary>A read of a key.</summary>
    public static RequestTemplate Get(string keyspace, string headers = "") => new($"GET /v1/kv/{keyspace}/{KeyMark} HTTP/1.1\r\n{RequestText.Host}{headers}\r\n", 0);

    /// <summary>A read of rows from a key on.</summary>
    public static RequestTemplate Scan(string keyspace, int limit) =>
        new($"GET /v1/kv/{keyspace}?start={KeyMark}&limit={limit} HTTP/1.1\r\n{RequestText.Host}\r\n", 0);

    /// <summary>A write.</summary>
    /// <param name="keyspace">Where.</param>
    /// <param name="valueBytes">Bytes of its value.</param>
    /// <param name="headers">Whole lines.</param>
    public static RequestTemplate Put(string keyspace, int valueBytes, string headers = "") =>
        new(
            $"PUT /v1/kv/{keyspace}/{KeyMark} HTTP/1.1\r\n{RequestText.Host}Content-Type: application/octet-stream\r\n"
                + $"Content-Length: {valueBytes}\r\n{headers}\r\n",
            valueBytes);

    /// <summary>A write on the condition that the version is the current one.</summary>
    public static RequestTemplate PutIfMatch(string keyspace, int valueBytes) =>
        Put(keyspace, valueBytes, $"If-Match: \"{VersionMark}\"\r\n");

    /// <summary>A write on the condition that the key does not exist.</summary>
    public static RequestTemplate PutIfAbsent(string keyspace, int valueBytes) => Put(keyspace, valueBytes, "If-None-Match: *\r\n");

    /// <summary>Patches the key.</summary>
    public void SetKey(int key) => KeyFormat.Write(key, _bytes.AsSpan(_keyAt, KeyFormat.Length));

    /// <summary>Patches the version of the condition.</summary>
    public void SetVersion(ulong version) => version.TryFormat(_bytes.AsSpan(_versionAt, VersionMark.Length), out _, "x16");
}
