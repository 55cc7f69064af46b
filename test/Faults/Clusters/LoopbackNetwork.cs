using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace GrainDb.Faults.Clusters;

/// <summary>All nodes on 127.0.0.1.</summary>
internal sealed class LoopbackNetwork : INodeNetwork
{
    private const int LowestPort = 10_000;
    private const int DefaultFirstEphemeralPort = 32_768;

    private static readonly int FirstEphemeralPort = ReadFirstEphemeralPort();

    private readonly HashSet<int> _taken = [];

    public IReadOnlyList<string> Options => [];

    public string AddressOf(int node) => "127.0.0.1";

    public IReadOnlyList<string> LauncherOf(int node) => [];

    /// <summary>
    /// Below the ports that the kernel hands to outgoing connections: a node that is down for a while must find its port free again, and
    /// many clients connect in the meantime.
    /// </summary>
    public int TakePort()
    {
        while (true)
        {
            var port = Random.Shared.Next(LowestPort, FirstEphemeralPort);
            if (_taken.Contains(port) || !IsFree(port))
                continue;
            _taken.Add(port);
            return port;
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static bool IsFree(int port)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            socket.Listen(1);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static int ReadFirstEphemeralPort()
    {
        const string Path = "/proc/sys/net/ipv4/ip_local_port_range";
        var first = File.Exists(Path) ? int.Parse(File.ReadAllText(Path).Split('\t', ' ')[0], CultureInfo.InvariantCulture) : DefaultFirstEphemeralPort;
        return first > LowestPort + 1000 ? first : DefaultFirstEphemeralPort;
    }
}
