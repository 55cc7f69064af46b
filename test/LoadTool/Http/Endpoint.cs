using System.Net;
using GrainDb.LoadTool.Commands;

namespace GrainDb.LoadTool.Http;

/// <summary>Where one server listens. Only loopback: a load generator pointed elsewhere by mistake is an attack.</summary>
internal sealed class Endpoint
{
    private Endpoint(Uri address, IPEndPoint socketAddress) => (Address, SocketAddress) = (address, socketAddress);

    /// <summary>The base address, without a path.</summary>
    public Uri Address { get; }

    /// <summary>What to connect to.</summary>
    public IPEndPoint SocketAddress { get; }

    /// <summary>Reads <c>http://HOST:PORT</c> where the host is <c>localhost</c> or a loopback address.</summary>
    /// <exception cref="UsageException">It is anything else.</exception>
    public static Endpoint Parse(string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var address) || address.Scheme != Uri.UriSchemeHttp || address.PathAndQuery != "/")
            throw new UsageException($"endpoint '{text}': must be http://HOST:PORT");

        // "localhost" is resolved by hand: the name could be configured to mean another machine.
        if (address.Host == "localhost")
            return new(address, new(IPAddress.Loopback, address.Port));
        if (!IPAddress.TryParse(address.Host, out var ip) || !IPAddress.IsLoopback(ip))
            throw new UsageException($"endpoint '{text}': only loopback targets are accepted");
        return new(address, new(ip, address.Port));
    }

    /// <summary>Reads several; at least one.</summary>
    public static Endpoint[] ParseAll(IReadOnlyCollection<string> texts) =>
        texts.Count == 0 ? throw new UsageException("--endpoints is required") : [.. texts.Select(Parse)];
}
