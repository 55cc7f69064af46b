using GrainDb.LoadTool.Commands;

namespace GrainDb.LoadTool.Workloads;

/// <summary>What the clients ask.</summary>
internal sealed record WorkloadOptions
{
    /// <summary>put, get, cas, scan or mixed.</summary>
    public required string Name { get; init; }

    /// <summary>Keyspace.</summary>
    public required string Keyspace { get; init; }

    /// <summary>Number of keys, at most <see cref="KeyFormat.MaxKeys"/>.</summary>
    public required int Keys { get; init; }

    /// <summary>Bytes of a value.</summary>
    public required int ValueBytes { get; init; }

    /// <summary>Rows of a scan.</summary>
    public required int ScanLimit { get; init; }

    /// <summary>Share of reads in a mixed load, 0 to 1.</summary>
    public required double ReadShare { get; init; }

    /// <summary>uniform or zipf.</summary>
    public required string Distribution { get; init; }

    /// <summary>Chance is derived from it and the client's number.</summary>
    public required int Seed { get; init; }

    /// <summary>Options that <see cref="From"/> reads.</summary>
    public static readonly string[] Names =
        ["workload", "keyspace", "keys", "value-bytes", "scan-limit", "read-share", "distribution", "seed"];

    /// <summary>Reads the command line.</summary>
    public static WorkloadOptions From(Arguments arguments) => new()
    {
        Name = arguments.Choice("workload", "mixed", "put", "get", "cas", "scan", "mixed"),
        Keyspace = KeyspaceName(arguments, "default"),
        Keys = arguments.Integer("keys", 100_000, 1, KeyFormat.MaxKeys),
        ValueBytes = arguments.Integer("value-bytes", 256, ValueFormat.MinBytes, 16 * 1024 * 1024),
        ScanLimit = arguments.Integer("scan-limit", 100, 1, 10_000),
        ReadShare = arguments.Number("read-share", 0.9, 0, 1),
        Distribution = arguments.Choice("distribution", "uniform", "uniform", "zipf"),
        Seed = arguments.Integer("seed", 1, 0, int.MaxValue),
    };

    /// <summary>The keyspace's name, which goes into paths as it is.</summary>
    public static string KeyspaceName(Arguments arguments, string otherwise)
    {
        var name = arguments.Text("keyspace", otherwise);
        return name.Length is > 0 and <= 64 && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '_' or '.')
            ? name
            : throw new UsageException($"--keyspace {name}: 1 to 64 of a-z 0-9 - _ .");
    }

    /// <summary>The workloads of all clients.</summary>
    public IWorkload[] ForClients(int clients)
    {
        var zeta = Distribution == "zipf" ? ZipfDistribution.Zeta(Keys) : 0;
        var known = Name == "cas" ? new ulong[Keys] : [];
        return [.. Enumerable.Range(0, clients).Select(client => ForClient(new Random(SeedOf(client)), zeta, known))];
    }

    private IWorkload ForClient(Random random, double zeta, ulong[] known)
    {
        IKeyDistribution keys = Distribution == "zipf" ? new ZipfDistribution(Keys, zeta, random) : new UniformDistribution(Keys, random);
        return Name switch
        {
            "put" => new PutWorkload(this, keys, random),
            "get" => new GetWorkload(this, keys),
            "cas" => new CompareAndSetWorkload(this, keys, known, random),
            "scan" => new ScanWorkload(this, keys),
            _ => new MixedWorkload(new GetWorkload(this, keys), new PutWorkload(this, keys, random), ReadShare, random),
        };
    }

    /// <summary>Not <see cref="HashCode"/>, which differs from process to process.</summary>
    private int SeedOf(int client) => unchecked((Seed * 1_000_003) + client);
}
