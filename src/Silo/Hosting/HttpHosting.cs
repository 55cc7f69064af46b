using GrainDb.Api;
using GrainDb.Silo.Configuration;
using GrainDb.Silo.Health;
using Microsoft.AspNetCore.HostFiltering;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Orleans.Dashboard;
using Scalar.AspNetCore;

namespace GrainDb.Silo.Hosting;

/// <summary>The web application: where it listens, its bounds, and its routes.</summary>
public static class HttpHosting
{
    /// <summary>A transaction of 16 MiB in base64 within JSON, with room for keys. Routes that take one value bound it further.</summary>
    public const long MaxRequestBodyBytes = 24 * 1024 * 1024;

    /// <summary>A key of 4096 bytes is 12 KiB in percent-encoding; a scan names up to three, and a cursor.</summary>
    public const int MaxRequestLineBytes = 64 * 1024;

    public const int MaxRequestHeaderBytes = 64 * 1024;
    public const int MaxRequestHeaders = 100;
    public const int MaxConnections = 4096;

    private static readonly TimeSpan KeepAlive = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan HeaderPatience = TimeSpan.FromSeconds(15);

    public static void AddHttp(this WebApplicationBuilder builder, ServerOptions options)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(options);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => Configure(kestrel, options.Http));

        // Without authentication any web page could reach a loopback server through a name of its own that resolves to 127.0.0.1.
        builder.Services.Configure<HostFilteringOptions>(filter =>
        {
            filter.AllowedHosts = ["localhost", "127.0.0.1", "[::1]", options.Http.Host.Contains(':', StringComparison.Ordinal) ? $"[{options.Http.Host}]" : options.Http.Host];
            filter.IncludeFailureMessage = false;
        });
        builder.Services.AddRouting();
        builder.Services.AddGrainDbApi(new ApiOptions { MaxValueBytes = options.MaxValueBytes });
    }

    public static void MapHttp(this WebApplication application)
    {
        application.UseHostFiltering();
        application.MapGrainDbApi();
        application.MapHealth();
        application.MapPrometheusScrapingEndpoint("/metrics");
        application.MapScalarApiReference("/docs", scalar => scalar
            .WithTitle("GrainDb").DisableDefaultFonts().DisableTelemetry().DisableAgent().DisableMcp().HideClientButton()); // nothing from outside
        application.MapOrleansDashboard("/dashboard");
    }

    private static void Configure(KestrelServerOptions kestrel, HttpBinding binding)
    {
        kestrel.AddServerHeader = false;
        kestrel.AllowSynchronousIO = false;
        kestrel.Limits.MaxRequestBodySize = MaxRequestBodyBytes;
        kestrel.Limits.MaxRequestLineSize = MaxRequestLineBytes;
        kestrel.Limits.MaxRequestHeadersTotalSize = MaxRequestHeaderBytes;
        kestrel.Limits.MaxRequestHeaderCount = MaxRequestHeaders;
        kestrel.Limits.MaxConcurrentConnections = MaxConnections;
        kestrel.Limits.MaxConcurrentUpgradedConnections = 0;
        kestrel.Limits.KeepAliveTimeout = KeepAlive;
        kestrel.Limits.RequestHeadersTimeout = HeaderPatience;
        if (binding.Address is { } address)
            kestrel.Listen(address, binding.Port);
        else
            kestrel.ListenLocalhost(binding.Port);
    }
}
