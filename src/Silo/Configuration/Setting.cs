namespace GrainDb.Silo.Configuration;

/// <summary>Where a setting has a meaning.</summary>
public enum SettingScope
{
    Both,
    Embedded,
    Node,
}

/// <summary>One setting of the <c>GrainDb</c> section.</summary>
/// <param name="Key">Key in the section.</param>
/// <param name="Option">Command line option; null when it has none.</param>
/// <param name="Scope">In which mode it may be given.</param>
public sealed record Setting(string Key, string? Option, SettingScope Scope)
{
    public const string Section = "GrainDb";

    public static readonly Setting Nodes = new("Nodes", "--nodes", SettingScope.Embedded);
    public static readonly Setting Data = new("Data", "--data", SettingScope.Both);
    public static readonly Setting Http = new("Http", "--http", SettingScope.Both);
    public static readonly Setting Node = new("Node", "--node", SettingScope.Node);
    public static readonly Setting SiloPort = new("SiloPort", "--silo-port", SettingScope.Node);
    public static readonly Setting GatewayPort = new("GatewayPort", "--gateway-port", SettingScope.Node);
    public static readonly Setting Advertise = new("Advertise", "--advertise", SettingScope.Node);
    public static readonly Setting InsecureNetwork = new("InsecureNetwork", "--insecure-network", SettingScope.Node);
    public static readonly Setting Membership = new("Membership", "--membership", SettingScope.Node);
    public static readonly Setting Bootstrap = new("Bootstrap", "--bootstrap", SettingScope.Node);
    public static readonly Setting Region = new("Region", "--region", SettingScope.Node);
    public static readonly Setting Weight = new("Weight", "--weight", SettingScope.Node);
    public static readonly Setting ClusterId = new("ClusterId", "--cluster-id", SettingScope.Node);
    public static readonly Setting MaxValueBytes = new("MaxValueBytes", null, SettingScope.Both);
    public static readonly Setting RetainedLogMegabytes = new("RetainedLogMegabytes", null, SettingScope.Both);
    public static readonly Setting SnapshotMegabytesPerSecond = new("SnapshotMegabytesPerSecond", null, SettingScope.Both);
    public static readonly Setting CheckpointMegabytesPerSecond = new("CheckpointMegabytesPerSecond", null, SettingScope.Both);
    public static readonly Setting SagaTargets = new("SagaTargets", null, SettingScope.Both);
    public static readonly Setting SagaServices = new("SagaServices", null, SettingScope.Both);
    public static readonly Setting SagaRetentionHours = new("SagaRetentionHours", null, SettingScope.Both);
    public static readonly Setting LogLevel = new("LogLevel", null, SettingScope.Both);
    public static readonly Setting LogFormat = new("LogFormat", null, SettingScope.Both);
    public static readonly Setting OtlpEndpoint = new("OtlpEndpoint", null, SettingScope.Both);

    public static readonly IReadOnlyList<Setting> All =
    [
        Nodes, Data, Http, Node, SiloPort, GatewayPort, Advertise, InsecureNetwork, Membership, Bootstrap, Region, Weight, ClusterId,
        MaxValueBytes, RetainedLogMegabytes, SnapshotMegabytesPerSecond, CheckpointMegabytesPerSecond, SagaTargets, SagaServices, SagaRetentionHours, LogLevel, LogFormat, OtlpEndpoint,
    ];
}
