using GrainDb.LoadTool.Commands;
using GrainDb.LoadTool.Transfers;

namespace GrainDb.LoadTool.Workloads;

/// <summary>What the clients ask.</summary>
internal sealed record WorkloadOptions
{
    private const string TransferName = "transfer";
    private const int DefaultAccounts = 1_000;
    private const int DefaultRanges = 2;

    /// <summary>put, get, cas, scan, mixed or transfer.</summary>
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

    /// <summary>Number of accounts of transfers, even; they begin with <see cref="TransferAccounts.InitialBalance"/>.</summary>
    public int Accounts { get; init; } = DefaultAccounts;

    /// <summary>Ranges of one transfer, 1 or 2.</summary>
    public int Ranges { get; init; } = DefaultRanges;

    /// <summary>What puts and gets ask of replicas; empty for the server's default.</summary>
    public string Consistency { get; init; } = "";

    /// <summary>The same as a line of a request's head; empty for the default.</summary>
    public string ConsistencyHeader => Consistency.Length == 0 ? "" : $"GrainDb-Consistency: {Consistency}\r\n";

    /// <summary>Chance is derived from it and the client's number.</summary>
    public required int Seed { get; init; }

    /// <summary>Options that <see cref="From"/> reads.</summary>
    public static readonly string[] Names =
        ["workload", "keyspace", "keys", "value-bytes", "scan-limit", "read-share", "distribution", "accounts", "ranges", "consistency", "seed"];

    /// <summary>Reads the command line.</summary>
    public static WorkloadOptions From(Arguments arguments) => FromNamed(arguments, arguments.Choice("workload", "mixed", "put", "get", "cas", "scan", "mixed", TransferName));

    private static WorkloadOptions FromNamed(Arguments arguments, string name) => new()
    {
        Name = name,
        // The accounts have a keyspace of their own, cut where they need it.
        Keyspace = KeyspaceName(arguments, name == TransferName ? TransferName : "default"),
        Keys = arguments.Integer("keys", 100_000, 1, KeyFormat.MaxKeys),
        ValueBytes = arguments.Integer("value-bytes", 256, ValueFormat.MinBytes, 16 * 1024 * 1024),
        ScanLimit = arguments.Integer("scan-limit", 100, 1, 10_000),
        ReadShare = arguments.Number("read-share", 0.9, 0, 1),
        Accounts = EvenAccounts(arguments),
        Ranges = arguments.Integer("ranges", DefaultRanges, 1, 2),
        Distribution = arguments.Choice("distribution", "uniform", "uniform", "zipf"),
        Consistency = arguments.Choice("consistency", "", "", "one", "quorum", "all"),
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

    /// <summary>Whether the workload is transfers, which have accounts to be set up and added up.</summary>
    public bool IsTransfer => Name == TransferName;

    /// <summary>The workloads of all clients.</summary>
    public IWorkload[] ForClients(int clients)
    {
        if (IsTransfer)
            return ForTransferClients(clients);
        var zeta = Distribution == "zipf" ? ZipfDistribution.Zeta(Keys) : 0;
        var known = Name == "cas" ? new ulong[Keys] : [];
        return [.. Enumerable.Range(0, clients).Select(client => ForClient(new Random(SeedOf(client)), zeta, known))];
    }

    private IWorkload[] ForTransferClients(int clients)
    {
        var zeta = Distribution == "zipf" ? ZipfDistribution.Zeta(Accounts) : 0;
        var known = new long[Accounts];
        Array.Fill(known, TransferWorkload.Unknown);
        return [.. Enumerable.Range(0, clients).Select(client => new Random(SeedOf(client))).Select(random => new TransferWorkload(
            Keyspace, Distribution == "zipf" ? new ZipfDistribution(Accounts, zeta, random) : new UniformDistribution(Accounts, random), Ranges, known, random))];
    }

    private static int EvenAccounts(Arguments arguments)
    {
        var accounts = arguments.Integer("accounts", DefaultAccounts, 4, 1_000_000);
        return accounts % 2 == 0 ? accounts : throw new UsageException($"--accounts {accounts}: must be even, one half for each range");
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
