using System.Net;

namespace GrainDb.Silo.Configuration;

/// <summary>An address and port for HTTP: loopback, unless the operator opened a network without authentication.</summary>
/// <param name="Host">Host as written, without brackets: <c>localhost</c> or an address.</param>
/// <param name="Address">The one address to bind; null for <c>localhost</c>, which is both loopback addresses.</param>
/// <param name="Port">Port, above 0.</param>
public sealed record HttpBinding(string Host, IPAddress? Address, int Port)
{
    /// <summary>The URL that is announced.</summary>
    public string Url => Host.Contains(':', StringComparison.Ordinal) ? $"http://[{Host}]:{Port}" : $"http://{Host}:{Port}";
}
