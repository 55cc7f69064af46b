using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace GrainDb.Grains.Hosting;

/// <summary>
/// How servers outside are believed. A handshake goes on in a thread that serves sockets (Silo's <c>SocketThreads</c>), and the runtime would fetch a certificate that a server
/// left out of its chain there and wait for it, on a socket that perhaps only this thread serves: so a server has to send its whole chain but for the root, as RFC 8446 section 4.4.2 asks of it.
/// </summary>
public static class OutgoingTls
{
    public static SslClientAuthenticationOptions Options => new()
    {
        CertificateChainPolicy = new X509ChainPolicy
        {
            DisableCertificateDownloads = true,
            RevocationMode = X509RevocationMode.NoCheck,
        },
    };
}
