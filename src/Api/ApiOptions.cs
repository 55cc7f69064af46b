using GrainDb.Interfaces.Keys;

namespace GrainDb.Api;

/// <summary>Bounds of the HTTP API. The host fills it from the command line and configuration.</summary>
public sealed class ApiOptions
{
    /// <summary>Longest value in bytes; at most <see cref="KeyLimits.AbsoluteMaxValueBytes"/>. The same on every node.</summary>
    public int MaxValueBytes { get; set; } = KeyLimits.DefaultMaxValueBytes;

    /// <summary>Longest JSON request body in bytes (batches, keyspaces, plans).</summary>
    public int MaxRequestBytes { get; set; } = 32 * 1024 * 1024;

    /// <summary>Operations in progress at once; more are answered with 429.</summary>
    public int MaxConcurrentOperations { get; set; } = 4096;

    /// <summary>Change feeds that are followed at once, streams and long polls together; more are answered with 429.</summary>
    public int MaxConcurrentWatches { get; set; } = 1024;

    /// <summary>
    /// Effective settings by name for <c>GET /v1/admin/config</c>. The host leaves secrets out or redacts them; names that look
    /// like secrets are redacted once more.
    /// </summary>
    public IReadOnlyDictionary<string, string> EffectiveConfiguration { get; set; } = new Dictionary<string, string>();

    internal void Validate()
    {
        Require(MaxValueBytes, 1, KeyLimits.AbsoluteMaxValueBytes, nameof(MaxValueBytes));
        Require(MaxRequestBytes, 1024, 1024 * 1024 * 1024, nameof(MaxRequestBytes));
        Require(MaxConcurrentOperations, 1, 1_000_000, nameof(MaxConcurrentOperations));
        Require(MaxConcurrentWatches, 1, 1_000_000, nameof(MaxConcurrentWatches));
        if (EffectiveConfiguration is null)
            throw new InvalidOperationException($"{nameof(EffectiveConfiguration)} is null.");
    }

    private static void Require(int value, int least, int most, string name)
    {
        if (value < least || value > most)
            throw new InvalidOperationException($"{name} is {value}; it must be between {least} and {most}.");
    }
}
