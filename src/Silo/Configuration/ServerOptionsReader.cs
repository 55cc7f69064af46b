using System.Globalization;
using System.Net;
using GrainDb.Engine.Replication;
using GrainDb.Grains.Hosting;
using GrainDb.Interfaces.Keys;
using GrainDb.Silo.Hosting;

namespace GrainDb.Silo.Configuration;

/// <summary>
/// Turns the <c>GrainDb</c> section into <see cref="ServerOptions"/>, or says in one line which setting is wrong, with value and bound.
/// Command line and configuration pass the same checks; the message names the one that the value came from.
/// </summary>
public sealed class ServerOptionsReader
{
    public const int MaxEmbeddedNodes = 16;
    public const int MaxNameLength = 64;
    public const double MaxWeight = 1000;
    public const int MaxPort = 65535;
    public const int MaxRetainedLogMegabytes = 1 << 20;
    public const int MaxSnapshotMegabytesPerSecond = 1 << 14;
    public const int MaxCheckpointMegabytesPerSecond = 1 << 14;
    public const int DefaultSagaRetentionHours = 7 * 24;
    public const int MaxSagaRetentionHours = 10 * 365 * 24;

    private const int Megabyte = 1 << 20;
    private const string NameBound = "must be 1 to 64 of a-z A-Z 0-9 - _ . and not begin with a dot";
    private const string NoSecurityYet = "this version has no authentication, so it serves on loopback addresses only (localhost, 127.0.0.1, [::1])";

    /// <summary>RFC 1918, and the unique local addresses of RFC 4193.</summary>
    private static readonly IPNetwork[] PrivateNetworks =
        [IPNetwork.Parse("10.0.0.0/8"), IPNetwork.Parse("172.16.0.0/12"), IPNetwork.Parse("192.168.0.0/16"), IPNetwork.Parse("fc00::/7")];

    private readonly IConfigurationSection _section;
    private readonly IReadOnlyDictionary<string, string> _commandLine;

    private ServerOptionsReader(IConfigurationSection section, IReadOnlyDictionary<string, string> commandLine)
    {
        _section = section;
        _commandLine = commandLine;
    }

    /// <param name="configuration">Everything below the command line, with the section <c>GrainDb</c>.</param>
    /// <param name="commandLine">Setting key to text; wins over the configuration.</param>
    /// <exception cref="StartRefusedException">A setting is wrong.</exception>
    public static ServerOptions Read(IConfiguration configuration, IReadOnlyDictionary<string, string> commandLine)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentNullException.ThrowIfNull(commandLine);
        var reader = new ServerOptionsReader(configuration.GetSection(Setting.Section), commandLine);
        reader.RefuseUnknown();
        return reader.Text(Setting.Node) is null ? reader.ReadEmbedded() : reader.ReadSingleNode();
    }

    private EmbeddedOptions ReadEmbedded()
    {
        RefuseOutOfScope(SettingScope.Node, "only with --node");
        return new EmbeddedOptions
        {
            Nodes = Integer(Setting.Nodes, 3, 1, MaxEmbeddedNodes),
            DataDirectory = DataDirectory(),
            Http = Http("http://localhost:8080", null),
            ClusterId = "graindb",
            MaxValueBytes = MaxValueBytes(),
            Replication = Replication(),
            CheckpointBytesPerSecond = CheckpointPace(),
            LogLevel = Level(),
            LogFormat = Format(),
            OtlpEndpoint = Otlp(),
            SagaHttp = new SagaHttpReader(_section).Read(),
            SagaRetention = SagaRetention(),
        };
    }

    private SingleNodeOptions ReadSingleNode()
    {
        RefuseOutOfScope(SettingScope.Embedded, "not with --node");
        var insecure = InsecureNetwork();
        return new SingleNodeOptions
        {
            Name = Name(Setting.Node, null),
            Advertise = Advertise(insecure),
            InsecureNetwork = insecure,
            SiloPort = Integer(Setting.SiloPort, 11111, 0, MaxPort),
            GatewayPort = Integer(Setting.GatewayPort, 30000, 0, MaxPort),
            Membership = Membership(),
            Bootstrap = Bootstrap(),
            Region = Name(Setting.Region, "local"),
            Weight = Weight(),
            DataDirectory = DataDirectory(),
            Http = Http("http://127.0.0.1:8080", insecure),
            ClusterId = Name(Setting.ClusterId, "graindb"),
            MaxValueBytes = MaxValueBytes(),
            Replication = Replication(),
            CheckpointBytesPerSecond = CheckpointPace(),
            LogLevel = Level(),
            LogFormat = Format(),
            OtlpEndpoint = Otlp(),
            SagaHttp = new SagaHttpReader(_section).Read(),
            SagaRetention = SagaRetention(),
        };
    }

    private void RefuseUnknown()
    {
        foreach (var child in _section.GetChildren())
        {
            if (!Setting.All.Any(setting => setting.Key.Equals(child.Key, StringComparison.OrdinalIgnoreCase)))
                throw new StartRefusedException($"{Setting.Section}:{child.Key}: unknown setting, must be one of {string.Join(", ", Setting.All.Select(s => s.Key))}");
        }
    }

    private void RefuseOutOfScope(SettingScope scope, string when)
    {
        foreach (var setting in Setting.All.Where(setting => setting.Scope == scope && Text(setting) is not null))
            throw new StartRefusedException($"{NameOf(setting)}: {when}");
    }

    /// <summary>The text of a setting; null when nobody gave it. A JSON list is joined with commas.</summary>
    private string? Text(Setting setting)
    {
        if (_commandLine.TryGetValue(setting.Key, out var given))
            return given;
        var section = _section.GetSection(setting.Key);
        var children = section.GetChildren().ToList();
        return children.Count == 0 ? section.Value : string.Join(',', children.Select(child => child.Value));
    }

    private string NameOf(Setting setting) =>
        _commandLine.ContainsKey(setting.Key) ? setting.Option! : $"{Setting.Section}:{setting.Key}";

    private StartRefusedException Wrong(Setting setting, string value, string bound) => new($"{NameOf(setting)} {Printable(value)}: {bound}");

    /// <summary>A refusal stays one line, whatever the value holds.</summary>
    private static string Printable(string value) => value.Length == 0 || value.Any(c => char.IsControl(c) || char.IsWhiteSpace(c))
        ? $"'{string.Concat(value.Select(c => char.IsControl(c) ? '?' : c))}'"
        : value;

    private static StartRefusedException Missing(Setting setting) => new($"{setting.Option}: required with --node (or {Setting.Section}:{setting.Key})");

    private int Integer(Setting setting, int fallback, int least, int most)
    {
        if (Text(setting) is not { } text)
            return fallback;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most
            ? value
            : throw Wrong(setting, text, $"must be a whole number from {least} to {most}");
    }

    private TimeSpan SagaRetention() => TimeSpan.FromHours(Integer(Setting.SagaRetentionHours, DefaultSagaRetentionHours, 1, MaxSagaRetentionHours));

    private int MaxValueBytes() => Integer(Setting.MaxValueBytes, KeyLimits.DefaultMaxValueBytes, 1, KeyLimits.AbsoluteMaxValueBytes);

    private ReplicationOptions Replication() => ReplicationOptions.Default with
    {
        MaxRetainedBytes = Megabytes(Setting.RetainedLogMegabytes, ReplicationOptions.Default.MaxRetainedBytes, MaxRetainedLogMegabytes),
        MaxSnapshotBytesPerSecond = Megabytes(Setting.SnapshotMegabytesPerSecond, ReplicationOptions.Default.MaxSnapshotBytesPerSecond, MaxSnapshotMegabytesPerSecond),
    };

    private long CheckpointPace() => Megabytes(Setting.CheckpointMegabytesPerSecond, StorageOptions.DefaultCheckpointBytesPerSecond, MaxCheckpointMegabytesPerSecond);

    /// <summary>A setting in MiB, from 1 on; in bytes.</summary>
    private long Megabytes(Setting setting, long fallbackBytes, int most) => (long)Integer(setting, (int)(fallbackBytes / Megabyte), 1, most) * Megabyte;

    private double Weight()
    {
        if (Text(Setting.Weight) is not { } text)
            return 1;
        return double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) && value > 0 && value <= MaxWeight
            ? value
            : throw Wrong(Setting.Weight, text, $"must be a number above 0 and at most {MaxWeight}");
    }

    private string Name(Setting setting, string? fallback)
    {
        var text = Text(setting) ?? fallback ?? throw Missing(setting);
        return IsName(text) ? text : throw Wrong(setting, text, NameBound);
    }

    /// <summary>Names become directory names, so a leading dot is out.</summary>
    private static bool IsName(string text) =>
        text.Length is > 0 and <= MaxNameLength && text[0] != '.' && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');

    private List<string> Bootstrap()
    {
        var text = Text(Setting.Bootstrap) ?? throw Missing(Setting.Bootstrap);
        var names = text.Split(',', StringSplitOptions.TrimEntries).ToList();
        if (!names.TrueForAll(IsName))
            throw Wrong(Setting.Bootstrap, text, $"must be node names separated by commas; each {NameBound}");
        if (names.Count > NodeOptions.MaxBootstrapNodes || names.Count % 2 == 0)
            throw Wrong(Setting.Bootstrap, text, $"must name an odd number of nodes, at most {NodeOptions.MaxBootstrapNodes}");
        if (names.Distinct().Count() != names.Count)
            throw Wrong(Setting.Bootstrap, text, "must name each node once");
        return names;
    }

    private string DataDirectory() => FullPath(Setting.Data, Text(Setting.Data) ?? "./data");

    private string FullPath(Setting setting, string text) => text.Length == 0 || text.Contains('\0')
        ? throw Wrong(setting, text, "must be a directory")
        : Path.GetFullPath(text);

    private MembershipChoice Membership()
    {
        const string Forms = "must be file:DIR, postgres:CONNECTION or redis:CONNECTION";
        var text = Text(Setting.Membership) ?? throw Missing(Setting.Membership);
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var rest = text[(colon + 1)..];
        if (colon < 0 || rest.Length == 0)
            throw new StartRefusedException($"{NameOf(Setting.Membership)}: {Forms}"); // no echo: what stands here may be a password
        return text[..colon] switch
        {
            "file" => new MembershipChoice.InDirectory(FullPath(Setting.Membership, rest)),
            "postgres" => new MembershipChoice.InPostgres(rest),
            "redis" => new MembershipChoice.InRedis(rest),
            _ => throw new StartRefusedException($"{NameOf(Setting.Membership)}: {Forms}"),
        };
    }

    /// <summary>
    /// The one network that an operator takes the responsibility for. Public addresses are out: no separate network makes those safe.
    /// </summary>
    private IPNetwork? InsecureNetwork()
    {
        if (Text(Setting.InsecureNetwork) is not { Length: > 0 } text)
            return null;
        return IPNetwork.TryParse(text, out var network) && Array.Exists(PrivateNetworks, wide => wide.PrefixLength <= network.PrefixLength && wide.Contains(network.BaseAddress))
            ? network
            : throw Wrong(Setting.InsecureNetwork, text, $"must be a network within {string.Join(", ", PrivateNetworks)}, as in 10.0.0.0/24");
    }

    private static bool MayServeOn(IPAddress address, IPNetwork? insecure) => IPAddress.IsLoopback(address) || insecure?.Contains(address) == true;

    private static string OutsideOf(IPNetwork? insecure) => insecure is null ? NoSecurityYet : $"{NoSecurityYet} and on those of {Setting.InsecureNetwork.Key} {insecure}";

    private IPAddress Advertise(IPNetwork? insecure)
    {
        var text = Text(Setting.Advertise) ?? "127.0.0.1";
        if (!IPAddress.TryParse(text, out var address))
            throw Wrong(Setting.Advertise, text, "must be an IP address");
        return MayServeOn(address, insecure) ? address : throw Wrong(Setting.Advertise, text, OutsideOf(insecure));
    }

    private HttpBinding Http(string fallback, IPNetwork? insecure)
    {
        const string Form = "must be http://HOST:PORT without a path";
        var text = Text(Setting.Http) ?? fallback;
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Host.Length == 0
            || uri.PathAndQuery != "/" || uri.Fragment.Length > 0 || uri.UserInfo.Length > 0)
            throw Wrong(Setting.Http, text, Form);
        if (uri.Scheme == Uri.UriSchemeHttps)
            throw Wrong(Setting.Http, text, "https is not available in this version, must be http://HOST:PORT");
        if (uri.Scheme != Uri.UriSchemeHttp)
            throw Wrong(Setting.Http, text, Form);

        var isLocalhost = uri.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase);
        IPAddress? address = null;
        if (!isLocalhost && (!IPAddress.TryParse(uri.DnsSafeHost, out address) || !MayServeOn(address, insecure)))
            throw Wrong(Setting.Http, text, OutsideOf(insecure));
        var port = uri.Port > 0 ? uri.Port : FreePorts.Take(address ?? IPAddress.Loopback, 1)[0];
        return new HttpBinding(uri.DnsSafeHost, address, port);
    }

    private LogLevel Level()
    {
        if (Text(Setting.LogLevel) is not { } text)
            return LogLevel.Information;
        return Enum.TryParse<LogLevel>(text, ignoreCase: true, out var level) && Enum.IsDefined(level) && !char.IsAsciiDigit(text[0])
            ? level
            : throw Wrong(Setting.LogLevel, text, $"must be one of {string.Join(", ", Enum.GetNames<LogLevel>())}");
    }

    private LogFormat Format() => Text(Setting.LogFormat) switch
    {
        null or "line" => LogFormat.Line,
        "json" => LogFormat.Json,
        var text => throw Wrong(Setting.LogFormat, text, "must be line or json"),
    };

    private Uri? Otlp()
    {
        if (Text(Setting.OtlpEndpoint) is not { Length: > 0 } text)
            return null;
        return Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
            ? uri
            : throw Wrong(Setting.OtlpEndpoint, text, "must be an http:// or https:// URL");
    }
}
