using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace GrainDb.Api.Requests;

/// <summary>What the server accepts before a handler sees it.</summary>
internal static class RequestLimits
{
    /// <summary>
    /// A scan may name two bounds of 4096 bytes, each byte as three characters, and a cursor; Kestrel's default of 8 KiB would
    /// not even let the longest key through.
    /// </summary>
    public const int MaxRequestLineBytes = 64 * 1024;

    public const int MaxHeaderBytes = 32 * 1024;

    public const int MaxHeaders = 100;

    public static void Apply(KestrelServerOptions kestrel, ApiOptions options)
    {
        kestrel.AddServerHeader = false;
        var limits = kestrel.Limits;
        limits.MaxRequestLineSize = MaxRequestLineBytes;
        limits.MaxRequestHeadersTotalSize = MaxHeaderBytes;
        limits.MaxRequestHeaderCount = MaxHeaders;
        // Handlers refuse at their own limits, by the announced length or while reading; this is the wall behind them.
        limits.MaxRequestBodySize = Math.Max(options.MaxValueBytes, options.MaxRequestBytes) + 1L;
    }
}
