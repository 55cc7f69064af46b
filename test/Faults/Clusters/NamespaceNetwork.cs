using System.Globalization;

namespace GrainDb.Faults.Clusters;

/// <summary>
/// A network namespace per node on a bridge of this host, where the clients are. A cut drops packets without a word, so that connections
/// hang as they do in life. Needs Linux, root, <c>ip</c> and <c>iptables</c>. The names carry the process id, so that nothing of another
/// run is touched and what a killed run left behind can be told and is removed by the next one.
/// </summary>
internal sealed class NamespaceNetwork : INodeNetwork
{
    private const string Prefix = "gdbf";
    private const int Port = 8080;
    private const int HostAddress = 254;
    private const int LettersOfAlphabet = 26;

    private static int _networks;

    private readonly string _network;
    private readonly string _bridge;
    private readonly List<string> _namespaces = [];
    private readonly List<string> _links = [];
    private int _ports = Port;

    private NamespaceNetwork(string network)
    {
        _network = network;
        _bridge = $"{Prefix}{Environment.ProcessId}{(char)('a' + (_networks++ % LettersOfAlphabet))}";
    }

    public IReadOnlyList<string> Options => ["--insecure-network", $"{_network}.0/24"];

    /// <returns>Null, or why this machine cannot do it.</returns>
    public static string? WhyNot()
    {
        if (!OperatingSystem.IsLinux())
            return "network namespaces: only on Linux";
        if (!Environment.IsPrivilegedProcess)
            return "network namespaces: only as root";
        if (Command.Try("ip", "-V") is { } noIp)
            return $"network namespaces: no ip: {noIp}";
        if (Command.Try("iptables", "-w", "-S", "INPUT") is { } noTables)
            return $"network namespaces: no iptables: {noTables}";
        var trial = $"{Prefix}{Environment.ProcessId}try";
        if (Command.Try("ip", "netns", "add", trial) is { } refused)
            return $"network namespaces: {refused}";
        Command.Run("ip", "netns", "del", trial);
        return null;
    }

    public static NamespaceNetwork Create(int nodes)
    {
        Sweep();
        var network = new NamespaceNetwork(FreeNetwork());
        network.Build(nodes);
        return network;
    }

    public string AddressOf(int node) => $"{_network}.{node}";

    public IReadOnlyList<string> LauncherOf(int node) => ["ip", "netns", "exec", NamespaceOf(node)];

    public int TakePort() => _ports++;

    /// <summary>The first node no longer hears the second.</summary>
    public void Deafen(ClusterNode node, ClusterNode to) => Rule(node, "-A", "INPUT", "-s", AddressOf(to.Number), "-j", "DROP");

    /// <summary>Neither hears the other.</summary>
    public void Cut(ClusterNode one, ClusterNode other)
    {
        Deafen(one, other);
        Deafen(other, one);
    }

    /// <summary>Everything gets through again.</summary>
    public void Heal(IEnumerable<ClusterNode> nodes)
    {
        foreach (var node in nodes)
            Rule(node, "-F", "INPUT");
    }

    public ValueTask DisposeAsync()
    {
        Remove();
        return ValueTask.CompletedTask;
    }

    private void Remove()
    {
        // A namespace lives on, with its link, as long as a socket of a killed process does; its link on this side goes at once.
        foreach (var link in _links)
            Command.Try("ip", "link", "del", link);
        foreach (var name in _namespaces)
            Command.Try("ip", "netns", "del", name);
        Command.Try("ip", "link", "del", _bridge);
    }

    private void Rule(ClusterNode node, params string[] rule) => Command.Run("ip", ["netns", "exec", NamespaceOf(node.Number), "iptables", "-w", .. rule]);

    private void Build(int nodes)
    {
        try
        {
            Command.Run("ip", "link", "add", _bridge, "type", "bridge");
            Command.Run("ip", "addr", "add", $"{_network}.{HostAddress}/24", "dev", _bridge);
            Command.Run("ip", "link", "set", _bridge, "up");
            for (var node = 1; node <= nodes; node++)
                AddNode(node);
        }
        catch
        {
            Remove();
            throw;
        }
    }

    private void AddNode(int node)
    {
        var (name, outside) = (NamespaceOf(node), $"{_bridge}{node}");
        Command.Run("ip", "netns", "add", name);
        _namespaces.Add(name);
        Command.Run("ip", "link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", name);
        _links.Add(outside);
        Command.Run("ip", "link", "set", outside, "master", _bridge, "up");
        Command.Run("ip", "-n", name, "addr", "add", $"{AddressOf(node)}/24", "dev", "eth0");
        Command.Run("ip", "-n", name, "link", "set", "lo", "up");
        Command.Run("ip", "-n", name, "link", "set", "eth0", "up");
    }

    private string NamespaceOf(int node) => $"{_bridge}n{node}";

    /// <summary>One of 10.77.0.0 to 10.77.255.0 that this host has nothing to do with.</summary>
    private static string FreeNetwork()
    {
        var used = System.Net.NetworkInformation.NetworkInterface.GetAllNetworkInterfaces()
            .SelectMany(link => link.GetIPProperties().UnicastAddresses).Select(address => address.Address.ToString()).ToList();
        return Enumerable.Range(0, 256).Select(third => $"10.77.{(Environment.ProcessId + third) % 256}")
            .First(network => !used.Exists(address => address.StartsWith($"{network}.", StringComparison.Ordinal)));
    }

    /// <summary>Removes what runs left behind that were killed: namespaces and links of process ids that do not exist any more.</summary>
    private static void Sweep()
    {
        if (Directory.Exists("/run/netns"))
        {
            foreach (var name in Directory.EnumerateFiles("/run/netns", $"{Prefix}*").Select(path => Path.GetFileName(path)!).Where(IsLeft))
                Command.Try("ip", "netns", "del", name);
        }

        foreach (var link in System.Net.NetworkInformation.NetworkInterface.GetAllNetworkInterfaces())
        {
            if (link.Name.StartsWith(Prefix, StringComparison.Ordinal) && IsLeft(link.Name))
                Command.Try("ip", "link", "del", link.Name);
        }
    }

    private static bool IsLeft(string name)
    {
        var digits = string.Concat(name.Skip(Prefix.Length).TakeWhile(char.IsAsciiDigit));
        return int.TryParse(digits, CultureInfo.InvariantCulture, out var process) && !Directory.Exists($"/proc/{process}");
    }
}
