using GrainDb.Api;
using GrainDb.Silo.Configuration;
using GrainDb.Silo.Health;
using Microsoft.AspNetCore.HostFiltering;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Orleans.Dashboard;
using Scalar.AspNetCore;

namespace GrainDb.Silo.Hosting;

/// <summary>The web application: where it listens, the bounds of its connections (those of requests are the API's), and its routes.</summary>
public static class HttpHosting
{
    public const int MaxConnections = 4096;

    private static readonly TimeSpan KeepAlive = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan HeaderPatience = TimeSpan.FromSeconds(15);

    public static void AddHttp(this WebApplicationBuilder builder, ServerOptions options, HttpConnections connections)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(connections);
        builder.WebHost.UseKestrelCore().UseSockets(connections.Configure).ConfigureKestrel(kestrel => Configure(kestrel, options.Http, connections));

        // Without authentication any web page could reach a loopback server through a name of its own that resolves to 127.0.0.1.
        builder.Services.Configure<HostFilteringOptions>(filter =>
        {
            filter.AllowedHosts = ["localhost", "127.0.0.1", "[::1]", options.Http.Host.Contains(':', StringComparison.Ordinal) ? $"[{options.Http.Host}]" : options.Http.Host];
            filter.IncludeFailureMessage = false;
        });
        builder.Services.AddRouting();
        builder.Services.AddGrainDbApi(new ApiOptions
        {
            MaxValueBytes = options.MaxValueBytes,
            EffectiveConfiguration = EffectiveConfiguration.Settings(options),
        });
    }

    public static void MapHttp(this WebApplication application)
    {
        var readiness = application.Services.GetRequiredService<NodeReadiness>();
        application.Use((context, next) =>
        {
            if (readiness.IsDraining)
                context.Response.OnStarting(EndConnection, context.Response); // or the client's next request meets a connection that is just being closed
            return next(context);
        });
        application.MapGrainDbApi(); // first: it turns what goes wrong behind it into problem documents
        application.UseHostFiltering();
        application.MapHealth();
        application.MapPrometheusScrapingEndpoint("/metrics");
        application.MapScalarApiReference("/docs", scalar => scalar
            .WithTitle("GrainDb").DisableDefaultFonts().DisableTelemetry().DisableAgent().DisableMcp().HideClientButton()); // nothing from outside
        application.MapOrleansDashboard("/dashboard").ExcludeFromDescription();
    }

    /// <summary>At the last moment: a problem document begins by clearing the headers.</summary>
    private static Task EndConnection(object response)
    {
        ((HttpResponse)response).Headers.Connection = "close";
        return Task.CompletedTask;
    }

    private static void Configure(KestrelServerOptions kestrel, HttpBinding binding, HttpConnections connections)
    {
        kestrel.ConfigureEndpointDefaults(connections.Configure);
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
