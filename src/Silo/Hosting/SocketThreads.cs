using System.Globalization;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace GrainDb.Silo.Hosting;

/// <summary>
/// On Linux what a socket was waited for goes on in the thread that learns of it, and not first through one or more threads of the pool: a read of a key
/// that is answered from memory is then one thread's work from its request to its answer, a quarter less processor time where nodes and clients share processors
/// (docs/performance.md). Such a thread must never wait and never compute for long, for all sockets that it serves stand still meanwhile: everything else leaves it at once
/// (<c>SocketThreadMiddleware</c>), Orleans reads its messages in the pool anyway, and flushes begin there.
/// </summary>
internal static class SocketThreads
{
    /// <summary>The runtime's own switch, of the whole process; 0 in the environment turns it off.</summary>
    public const string Switch = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";

    /// <summary>The runtime's own setting: how many threads serve sockets. Here as many as half of the processors, since other requests want the rest; with one for each, which is what the runtime takes, transfers over ranges are slower.</summary>
    public const string Count = "DOTNET_SYSTEM_NET_SOCKETS_THREAD_COUNT";

    private const string On = "1";

    private static bool AreUsed => OperatingSystem.IsLinux() && Environment.GetEnvironmentVariable(Switch) == On;

    /// <summary>Before the process's first socket: the runtime looks once.</summary>
    public static void Choose()
    {
        if (!OperatingSystem.IsLinux())
            return;
        foreach (var (name, value) in Missing(Environment.GetEnvironmentVariable, Environment.ProcessorCount))
            Environment.SetEnvironmentVariable(name, value);
    }

    /// <summary>What the environment does not say.</summary>
    internal static IEnumerable<(string Name, string Value)> Missing(Func<string, string?> environment, int processors)
    {
        var chosen = environment(Switch);
        if (chosen is null)
            yield return (Switch, On);
        if ((chosen ?? On) == On && environment(Count) is null)
            yield return (Count, Math.Max(1, processors / 2).ToString(CultureInfo.InvariantCulture));
    }

    public static void Configure(SocketTransportOptions transport) => transport.UnsafePreferInlineScheduling = AreUsed;
}
