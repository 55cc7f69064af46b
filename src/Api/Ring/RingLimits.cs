using System.Buffers;

namespace GrainDb.Api.Ring;

/// <summary>Bounds of what can be asked about the ring.</summary>
internal static class RingLimits
{
    public const int MaxNameLength = 64;
    public const string NameRule = "1 to 64 of a-z A-Z 0-9 - _ .";
    public const double MaxWeight = 1000;

    /// <summary>Nodes that one plan may name.</summary>
    public const int MaxPlannedNodes = 256;

    /// <summary>Region of a node that does not say; the default of a node's own configuration.</summary>
    public const string DefaultRegion = "local";

    /// <summary>Largest key sample of a distribution.</summary>
    public const int MaxSampleKeys = 1_000_000;

    public const int DefaultSampleKeys = 10_000;

    /// <summary>Most replicas that a location or a distribution is asked for.</summary>
    public const int MaxReplicas = 7;

    public const int DefaultReplicas = 3;

    private static readonly SearchValues<char> NameCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");

    public static bool IsNodeName(string? name) =>
        name is { Length: >= 1 and <= MaxNameLength } && !name.AsSpan().ContainsAnyExcept(NameCharacters);
}
