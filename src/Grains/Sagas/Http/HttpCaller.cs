using System.Net;
using GrainDb.Grains.Hosting;

namespace GrainDb.Grains.Sagas.Http;

/// <summary>The connections of one node to services outside. They go where the configuration says and nowhere else: no redirect, no proxy, no cookie.</summary>
internal sealed class HttpCaller : IDisposable
{
    private const int MaxConnectionsPerService = 64;
    private const int MaxHeaderKilobytes = 16;

    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(5);

    /// <summary>So that a change of an address is seen.</summary>
    private static readonly TimeSpan ConnectionLifetime = TimeSpan.FromMinutes(2);

    public HttpMessageInvoker Invoker { get; } = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseProxy = false,
        UseCookies = false,
        ConnectTimeout = ConnectTimeout,
        PooledConnectionLifetime = ConnectionLifetime,
        MaxConnectionsPerServer = MaxConnectionsPerService,
        MaxResponseHeadersLength = MaxHeaderKilobytes,
        AutomaticDecompression = DecompressionMethods.None,
        SslOptions = OutgoingTls.Options,
    });

    public void Dispose() => Invoker.Dispose();
}
