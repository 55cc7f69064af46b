namespace GrainDb.Interfaces.Keys;

/// <summary>Bounds that every layer shares.</summary>
public static class KeyLimits
{
    /// <summary>Longest key, in bytes.</summary>
    public const int MaxKeyBytes = 4096;

    /// <summary>Longest value by default, in bytes.</summary>
    public const int DefaultMaxValueBytes = 1024 * 1024;

    /// <summary>Longest value that can be configured, in bytes.</summary>
    public const int AbsoluteMaxValueBytes = 16 * 1024 * 1024;

    /// <summary>Longest content type, in bytes.</summary>
    public const int MaxContentTypeBytes = 255;

    /// <summary>Most items of one page of a scan.</summary>
    public const int MaxScanLimit = 10_000;

    /// <summary>Items of one page when the request does not say.</summary>
    public const int DefaultScanLimit = 100;

    /// <summary>Bytes of keys and values after which a page ends early.</summary>
    public const int MaxScanPageBytes = 4 * 1024 * 1024;

    /// <summary>Most versions that one history request returns.</summary>
    public const int MaxHistoryVersions = 1_000;

    /// <summary>Most operations of one batch.</summary>
    public const int MaxBatchOperations = 1_000;

    /// <summary>Shortest and longest time to live.</summary>
    public static readonly TimeSpan MinTimeToLive = TimeSpan.FromSeconds(1);

    /// <summary>Longest time to live.</summary>
    public static readonly TimeSpan MaxTimeToLive = TimeSpan.FromDays(3650);
}
