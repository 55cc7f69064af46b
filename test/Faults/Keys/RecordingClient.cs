using System.Net;
using System.Text;
using Xunit;

namespace GrainDb.Faults.Keys;

/// <summary>
/// Writes one key after the other through HTTP and remembers what was answered. A value says which key and attempt it belongs
/// to and is long enough that half of it would be noticed.
/// </summary>
internal sealed class RecordingClient(HttpClient http, string endpoint, string keyspace, int number)
{
    private const int ValueBytes = 500;

    private readonly Dictionary<string, (string Value, string Version)> _acknowledged = [];
    private readonly List<(string Key, string Value)> _unknown = [];

    public int Acknowledged => _acknowledged.Count;

    /// <summary>Writes until the server is gone.</summary>
    public async Task WriteUntilGoneAsync(TaskCompletionSource enough, int many, CancellationToken cancellationToken)
    {
        for (var i = 0; ; i++)
        {
            var (key, value) = ($"client{number}/{i}", ValueOf($"client{number}/{i}"));
            try
            {
                using var answer = await http.PutAsync(Url(key), new StringContent(value), cancellationToken);
                Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
                _acknowledged[key] = (value, answer.Headers.ETag!.Tag);
            }
            catch (HttpRequestException)
            {
                _unknown.Add((key, value));
                return;
            }

            if (i == many)
                enough.TrySetResult();
        }
    }

    /// <summary>Everything acknowledged is there with its version; what was not is there whole or not at all.</summary>
    public async Task VerifyAsync(CancellationToken cancellationToken)
    {
        foreach (var (key, (value, version)) in _acknowledged)
        {
            using var answer = await http.GetAsync(Url(key), cancellationToken);
            Assert.True(answer.StatusCode == HttpStatusCode.OK, $"{key} was acknowledged as {version} and is gone: {answer.StatusCode}");
            Assert.Equal(version, answer.Headers.ETag!.Tag);
            Assert.Equal(value, await answer.Content.ReadAsStringAsync(cancellationToken));
        }

        foreach (var (key, value) in _unknown)
        {
            using var answer = await http.GetAsync(Url(key), cancellationToken);
            if (answer.StatusCode != HttpStatusCode.NotFound)
                Assert.Equal(value, await answer.Content.ReadAsStringAsync(cancellationToken));
        }
    }

    private static string ValueOf(string key)
    {
        var text = new StringBuilder(ValueBytes + key.Length);
        while (text.Length < ValueBytes)
            text.Append(key).Append(';');
        return text.ToString();
    }

    private Uri Url(string key) => new($"{endpoint}/v1/kv/{keyspace}/{key}");
}
