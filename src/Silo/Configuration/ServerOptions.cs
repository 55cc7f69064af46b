using System.Net;
using GrainDb.Engine.Replication;
using GrainDb.Grains.Sagas.Http;

namespace GrainDb.Silo.Configuration;

/// <summary>What the server runs with, checked. Every value is within its bound.</summary>
public abstract record ServerOptions
{
    /// <summary>Data directory, absolute. A node uses the directory of its name in it.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>Where HTTP is served, port resolved: a loopback address, or one of <see cref="SingleNodeOptions.InsecureNetwork"/>.</summary>
    public required HttpBinding Http { get; init; }

    /// <summary>Name of the cluster; nodes of different clusters refuse each other.</summary>
    public required string ClusterId { get; init; }

    /// <summary>Longest value in bytes.</summary>
    public required int MaxValueBytes { get; init; }

    /// <summary>Times and bounds of replication.</summary>
    public required ReplicationOptions Replication { get; init; }

    /// <summary>Pace of checkpoints of one node.</summary>
    public required long CheckpointBytesPerSecond { get; init; }

    /// <summary>Least level of what GrainDb itself logs.</summary>
    public required LogLevel LogLevel { get; init; }

    /// <summary>One line or one JSON object per log entry.</summary>
    public required LogFormat LogFormat { get; init; }

    /// <summary>Services outside the database that sagas may call.</summary>
    public required SagaHttpOptions SagaHttp { get; init; }

    /// <summary>How long a saga that has ended is kept.</summary>
    public required TimeSpan SagaRetention { get; init; }

    /// <summary>OpenTelemetry collector; null when there is none.</summary>
    public required Uri? OtlpEndpoint { get; init; }
}

/// <summary>All nodes in this process.</summary>
public sealed record EmbeddedOptions : ServerOptions
{
    public required int Nodes { get; init; }
}

/// <summary>One node in this process.</summary>
public sealed record SingleNodeOptions : ServerOptions
{
    public required string Name { get; init; }
    public required IPAddress Advertise { get; init; }

    /// <summary>Private network on which the node serves without authentication; null for loopback only.</summary>
    public required IPNetwork? InsecureNetwork { get; init; }

    public required int SiloPort { get; init; }
    public required int GatewayPort { get; init; }
    public required MembershipChoice Membership { get; init; }
    public required IReadOnlyList<string> Bootstrap { get; init; }
    public required string Region { get; init; }
    public required double Weight { get; init; }
}

/// <summary>How log entries are written to standard error.</summary>
public enum LogFormat
{
    Line,
    Json,
}
