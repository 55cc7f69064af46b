using System.Globalization;

namespace GrainDb.Silo.Configuration;

/// <summary>The settings that are in force, without secrets.</summary>
public static class EffectiveConfiguration
{
    /// <summary>In one line.</summary>
    public static string Describe(ServerOptions options) =>
        "configuration: " + string.Join(' ', Values(options).Select(pair => $"{pair.Setting.Key}={pair.Value}"));

    /// <summary>By name.</summary>
    public static IReadOnlyDictionary<string, string> Settings(ServerOptions options) =>
        Values(options).ToDictionary(pair => pair.Setting.Key, pair => pair.Value);

    private static string Megabytes(long bytes) => (bytes >> 20).ToString(CultureInfo.InvariantCulture);

    private static List<(Setting Setting, string Value)> Values(ServerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var values = new List<(Setting Setting, string Value)>
        {
            (Setting.Data, options.DataDirectory),
            (Setting.Http, options.Http.Url),
            (Setting.ClusterId, options.ClusterId),
        };
        switch (options)
        {
            case EmbeddedOptions embedded:
                values.Insert(0, (Setting.Nodes, embedded.Nodes.ToString(CultureInfo.InvariantCulture)));
                break;
            case SingleNodeOptions node:
                values.Insert(0, (Setting.Node, node.Name));
                values.AddRange(
                [
                    (Setting.Advertise, node.Advertise.ToString()),
                    (Setting.SiloPort, node.SiloPort.ToString(CultureInfo.InvariantCulture)),
                    (Setting.GatewayPort, node.GatewayPort.ToString(CultureInfo.InvariantCulture)),
                    (Setting.InsecureNetwork, node.InsecureNetwork?.ToString() ?? "none"),
                    (Setting.Membership, node.Membership.Redacted),
                    (Setting.Bootstrap, string.Join(',', node.Bootstrap)),
                    (Setting.Region, node.Region),
                    (Setting.Weight, node.Weight.ToString(CultureInfo.InvariantCulture)),
                ]);
                break;
        }

        values.AddRange(
        [
            (Setting.MaxValueBytes, options.MaxValueBytes.ToString(CultureInfo.InvariantCulture)),
            (Setting.RetainedLogMegabytes, Megabytes(options.Replication.MaxRetainedBytes)),
            (Setting.SnapshotMegabytesPerSecond, Megabytes(options.Replication.MaxSnapshotBytesPerSecond)),
            (Setting.CheckpointMegabytesPerSecond, Megabytes(options.CheckpointBytesPerSecond)),
            (Setting.SagaTargets, options.SagaHttp.AllowedTargets.Count == 0 ? "none" : string.Join(',', options.SagaHttp.AllowedTargets.Order(StringComparer.Ordinal))),
            (Setting.SagaServices, options.SagaHttp.Services.Count == 0 ? "none" : string.Join(',', options.SagaHttp.Services.Select(service => service.Name))),
            (Setting.SagaRetentionHours, ((int)options.SagaRetention.TotalHours).ToString(CultureInfo.InvariantCulture)),
            (Setting.LogLevel, options.LogLevel.ToString()),
            (Setting.LogFormat, options.LogFormat == LogFormat.Json ? "json" : "line"),
            (Setting.OtlpEndpoint, options.OtlpEndpoint is { } otlp ? otlp.GetComponents(UriComponents.SchemeAndServer, UriFormat.UriEscaped) : "none"),
        ]);
        return values;
    }
}
