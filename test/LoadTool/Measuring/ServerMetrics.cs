using System.Globalization;
using GrainDb.LoadTool.Http;

namespace GrainDb.LoadTool.Measuring;

/// <summary>
/// The counters of the servers' <c>/metrics</c> (Prometheus text), summed over labels and servers. Gauges and buckets are
/// left out: only what grows can be divided by operations.
/// </summary>
internal sealed class ServerMetrics
{
    private static readonly string[] CounterSuffixes = ["_total", "_count", "_sum"];
    private static readonly string[] Prefixes = ["graindb_", "orleans_", "dotnet_gc_", "dotnet_process_cpu_", "process_runtime_dotnet_gc_"];

    private readonly Dictionary<string, double> _values = [];

    /// <summary>Reads all servers; those that do not serve metrics contribute nothing.</summary>
    public static async Task<ServerMetrics> ReadAsync(HttpClient http, IReadOnlyList<Endpoint> endpoints, CancellationToken cancellationToken)
    {
        var metrics = new ServerMetrics();
        foreach (var endpoint in endpoints)
        {
            try
            {
                using var response = await http.GetAsync(new Uri(endpoint.Address, "/metrics"), cancellationToken);

                // The answer came on the socket thread, which the clients wait for.
                await Task.Yield();
                if (response.IsSuccessStatusCode)
                    metrics.Add(await response.Content.ReadAsStringAsync(cancellationToken));
            }
            catch (Exception error) when (error is HttpRequestException || (error is OperationCanceledException && !cancellationToken.IsCancellationRequested))
            {
                // Unreachable or too slow: measuring goes on without them, and the report shows that there are none.
            }
        }

        return metrics;
    }

    /// <summary>Adds one exposition.</summary>
    public void Add(string text)
    {
        foreach (var line in text.AsSpan().EnumerateLines())
        {
            if (line.IsEmpty || line[0] == '#')
                continue;
            var nameEnd = line.IndexOfAny('{', ' ');
            if (nameEnd <= 0)
                continue;
            var name = line[..nameEnd].ToString();
            if (!Array.Exists(Prefixes, prefix => name.StartsWith(prefix, StringComparison.Ordinal))
                || !Array.Exists(CounterSuffixes, suffix => name.EndsWith(suffix, StringComparison.Ordinal)))
            {
                continue;
            }

            // Label values may hold blanks and braces, so the value is found from the last brace on.
            var rest = line[nameEnd] == '{' ? line[(line.LastIndexOf('}') + 1)..] : line[nameEnd..];
            rest = rest.Trim();
            var blank = rest.IndexOf(' ');
            if (double.TryParse(blank < 0 ? rest : rest[..blank], NumberStyles.Float, CultureInfo.InvariantCulture, out var value))
                _values[name] = _values.GetValueOrDefault(name) + value;
        }
    }

    /// <summary>What grew since an earlier reading, by name.</summary>
    public SortedDictionary<string, double> Since(ServerMetrics before)
    {
        var deltas = new SortedDictionary<string, double>(StringComparer.Ordinal);
        foreach (var (name, value) in _values)
        {
            var delta = value - before._values.GetValueOrDefault(name);
            if (delta > 0)
                deltas[name] = delta;
        }

        return deltas;
    }
}
