using System.Net;
using GrainDb.Silo.CommandLine;
using GrainDb.Silo.Configuration;
using GrainDb.Silo.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Xunit;

namespace GrainDb.Silo.Tests.Configuration;

public sealed class ServerOptionsReaderTests
{
    private static readonly string[] OneNode = ["--node", "node1", "--membership", "file:/m", "--bootstrap", "node1,node2,node3"];

    private static ServerOptions Read(string[] args, params (string Key, string Value)[] configuration)
    {
        var serve = Assert.IsType<Invocation.Serve>(CommandLineParser.Parse(args));
        var root = new ConfigurationBuilder()
            .AddInMemoryCollection(configuration.Select(pair => KeyValuePair.Create<string, string?>($"GrainDb:{pair.Key}", pair.Value)))
            .Build();
        return ServerOptionsReader.Read(root, serve.Settings);
    }

    private static string Refusal(string[] args, params (string Key, string Value)[] configuration) =>
        Assert.Throws<StartRefusedException>(() => Read(args, configuration)).Message;

    [Fact]
    public void Embedded_defaults()
    {
        var options = Assert.IsType<EmbeddedOptions>(Read([]));
        Assert.Equal(3, options.Nodes);
        Assert.Equal(Path.GetFullPath("data"), options.DataDirectory);
        Assert.Equal(new HttpBinding("localhost", null, 8080), options.Http);
        Assert.Equal("http://localhost:8080", options.Http.Url);
        Assert.Equal(1024 * 1024, options.MaxValueBytes);
        Assert.Equal(LogLevel.Information, options.LogLevel);
    }

    [Fact]
    public void Defaults_of_one_node()
    {
        var options = Assert.IsType<SingleNodeOptions>(Read(OneNode));
        Assert.Equal("node1", options.Name);
        Assert.Equal(new MembershipChoice.InDirectory("/m"), options.Membership);
        Assert.Equal(["node1", "node2", "node3"], options.Bootstrap);
        Assert.Equal(new HttpBinding("127.0.0.1", IPAddress.Loopback, 8080), options.Http);
        Assert.Equal((11111, 30000), (options.SiloPort, options.GatewayPort));
        Assert.Equal(IPAddress.Loopback, options.Advertise);
        Assert.Equal(("local", 1.0, "graindb"), (options.Region, options.Weight, options.ClusterId));
    }

    [Fact]
    public void Everything_given_is_taken()
    {
        var options = Assert.IsType<SingleNodeOptions>(Read(
        [
            .. OneNode, "--http", "http://[::1]:9001", "--silo-port", "1", "--gateway-port", "65535", "--advertise", "127.0.0.2",
            "--data", "/d", "--region", "eu", "--weight", "0.5", "--cluster-id", "c-1",
        ]));
        Assert.Equal(new HttpBinding("::1", IPAddress.IPv6Loopback, 9001), options.Http);
        Assert.Equal("http://[::1]:9001", options.Http.Url);
        Assert.Equal((1, 65535), (options.SiloPort, options.GatewayPort));
        Assert.Equal(IPAddress.Parse("127.0.0.2"), options.Advertise);
        Assert.Equal("/d", options.DataDirectory);
        Assert.Equal(("eu", 0.5, "c-1"), (options.Region, options.Weight, options.ClusterId));
    }

    [Fact]
    public void Addresses_of_a_network_that_was_opened_are_served_and_so_is_loopback()
    {
        var options = Assert.IsType<SingleNodeOptions>(Read(
            [.. OneNode, "--http", "http://10.77.0.1:8080", "--advertise", "10.77.0.1"], ("InsecureNetwork", "10.77.0.0/24")));
        Assert.Equal(IPAddress.Parse("10.77.0.1"), options.Advertise);
        Assert.Equal(new HttpBinding("10.77.0.1", IPAddress.Parse("10.77.0.1"), 8080), options.Http);
        Assert.Equal(IPNetwork.Parse("10.77.0.0/24"), options.InsecureNetwork);
        Assert.Equal(IPAddress.Loopback, Assert.IsType<SingleNodeOptions>(Read([.. OneNode, "--insecure-network", "fc00:1::/64"])).Advertise);
    }

    [Fact]
    public void The_command_line_wins_over_the_configuration()
    {
        var options = Assert.IsType<EmbeddedOptions>(Read(["--nodes", "5"], ("Nodes", "4"), ("http", "http://localhost:9000")));
        Assert.Equal(5, options.Nodes);
        Assert.Equal(9000, options.Http.Port);
    }

    [Fact]
    public void A_list_in_the_configuration_is_a_list()
    {
        var options = Assert.IsType<SingleNodeOptions>(Read(
            ["--node", "a", "--membership", "file:/m"], ("Bootstrap:0", "a"), ("Bootstrap:1", "b"), ("Bootstrap:2", "c")));
        Assert.Equal(["a", "b", "c"], options.Bootstrap);
    }

    [Fact]
    public void Port_zero_becomes_a_free_port() => Assert.InRange(Read(["--http", "http://127.0.0.1:0"]).Http.Port, 1, 65535);

    public static TheoryData<string[], string> Mistakes
    {
        get
        {
            const string Name = "must be 1 to 64 of a-z A-Z 0-9 - _ . and not begin with a dot";
            const string Private = "must be a network within 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, fc00::/7, as in 10.0.0.0/24";
            const string Loopback = "this version has no authentication, so it serves on loopback addresses only (localhost, 127.0.0.1, [::1])";
            return new TheoryData<string[], string>
            {
                { ["--nodes", "0"], "--nodes 0: must be a whole number from 1 to 16" },
                { ["--nodes", "17"], "--nodes 17: must be a whole number from 1 to 16" },
                { ["--nodes", "-1"], "--nodes -1: must be a whole number from 1 to 16" },
                { ["--nodes", "3.0"], "--nodes 3.0: must be a whole number from 1 to 16" },
                { ["--nodes", " 3"], "--nodes ' 3': must be a whole number from 1 to 16" },
                { ["--nodes", "99999999999999999999"], "--nodes 99999999999999999999: must be a whole number from 1 to 16" },
                { ["--data", ""], "--data '': must be a directory" },
                { ["--http", "localhost:8080"], "--http localhost:8080: must be http://HOST:PORT without a path" },
                { ["--http", "http://localhost:8080/x"], "--http http://localhost:8080/x: must be http://HOST:PORT without a path" },
                { ["--http", "http://u:p@localhost:1"], "--http http://u:p@localhost:1: must be http://HOST:PORT without a path" },
                { ["--http", "ftp://localhost"], "--http ftp://localhost: must be http://HOST:PORT without a path" },
                { ["--http", "http://localhost:70000"], "--http http://localhost:70000: must be http://HOST:PORT without a path" },
                { ["--http", "a\nb"], "--http 'a?b': must be http://HOST:PORT without a path" },
                { ["--http", "https://localhost:8080"], "--http https://localhost:8080: https is not available in this version, must be http://HOST:PORT" },
                { ["--http", "http://0.0.0.0:8080"], $"--http http://0.0.0.0:8080: {Loopback}" },
                { ["--http", "http://*:8080"], "--http http://*:8080: must be http://HOST:PORT without a path" },
                { ["--http", "http://[::]:8080"], $"--http http://[::]:8080: {Loopback}" },
                { ["--http", "http://example.com:8080"], $"--http http://example.com:8080: {Loopback}" },
                { ["--silo-port", "1"], "--silo-port: only with --node" },
                { ["--region", "eu"], "--region: only with --node" },
                { [.. OneNode, "--nodes", "3"], "--nodes: not with --node" },
                { ["--node", "a", "--bootstrap", "a"], "--membership: required with --node (or GrainDb:Membership)" },
                { ["--node", "a", "--membership", "file:/m"], "--bootstrap: required with --node (or GrainDb:Bootstrap)" },
                { ["--node", "a/b"], $"--node a/b: {Name}" },
                { ["--node", ".."], $"--node ..: {Name}" },
                { ["--node", ""], $"--node '': {Name}" },
                { ["--node", new string('x', 65)], $"--node {new string('x', 65)}: {Name}" },
                { [.. OneNode, "--silo-port", "65536"], "--silo-port 65536: must be a whole number from 0 to 65535" },
                { [.. OneNode, "--gateway-port", "x"], "--gateway-port x: must be a whole number from 0 to 65535" },
                { [.. OneNode, "--advertise", "here"], "--advertise here: must be an IP address" },
                { [.. OneNode, "--advertise", "10.0.0.1"], $"--advertise 10.0.0.1: {Loopback}" },
                { [.. OneNode, "--insecure-network", "10.0.0.0/24", "--advertise", "10.0.1.1"], $"--advertise 10.0.1.1: {Loopback} and on those of InsecureNetwork 10.0.0.0/24" },
                { [.. OneNode, "--insecure-network", "10.0.0.0/24", "--http", "http://0.0.0.0:1"], $"--http http://0.0.0.0:1: {Loopback} and on those of InsecureNetwork 10.0.0.0/24" },
                { [.. OneNode, "--insecure-network", "0.0.0.0/0"], $"--insecure-network 0.0.0.0/0: {Private}" },
                { [.. OneNode, "--insecure-network", "8.0.0.0/7"], $"--insecure-network 8.0.0.0/7: {Private}" },
                { [.. OneNode, "--insecure-network", "193.0.0.0/24"], $"--insecure-network 193.0.0.0/24: {Private}" },
                { [.. OneNode, "--insecure-network", "::/0"], $"--insecure-network ::/0: {Private}" },
                { [.. OneNode, "--insecure-network", "yes"], $"--insecure-network yes: {Private}" },
                { ["--insecure-network", "10.0.0.0/24"], "--insecure-network: only with --node" },
                { [.. OneNode, "--weight", "0"], "--weight 0: must be a number above 0 and at most 1000" },
                { [.. OneNode, "--weight", "1000.1"], "--weight 1000.1: must be a number above 0 and at most 1000" },
                { [.. OneNode, "--weight", "NaN"], "--weight NaN: must be a number above 0 and at most 1000" },
                { [.. OneNode, "--weight", "1e2"], "--weight 1e2: must be a number above 0 and at most 1000" },
                { [.. OneNode, "--region", "e u"], $"--region 'e u': {Name}" },
                { [.. OneNode, "--cluster-id", "!"], $"--cluster-id !: {Name}" },
                { ["--node", "a", "--membership", "file:/m", "--bootstrap", "a,,b"], $"--bootstrap a,,b: must be node names separated by commas; each {Name}" },
                { ["--node", "a", "--membership", "file:/m", "--bootstrap", "a,b,a"], "--bootstrap a,b,a: must name each node once" },
                { ["--node", "a", "--membership", "file:/m", "--bootstrap", "a,b"], "--bootstrap a,b: must name an odd number of nodes, at most 7" },
                { ["--node", "a", "--membership", "file:/m", "--bootstrap", "a,b,c,d,e,f,g,h,i"], "--bootstrap a,b,c,d,e,f,g,h,i: must name an odd number of nodes, at most 7" },
                { ["--node", "a", "--bootstrap", "a", "--membership", "file:"], "--membership: must be file:DIR, postgres:CONNECTION or redis:CONNECTION" },
                { ["--node", "a", "--bootstrap", "a", "--membership", "pg:Password=secret"], "--membership: must be file:DIR, postgres:CONNECTION or redis:CONNECTION" },
            };
        }
    }

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void A_wrong_value_is_refused_with_option_value_and_bound(string[] args, string message) => Assert.Equal(message, Refusal(args));

    [Fact]
    public void A_wrong_value_of_the_configuration_is_refused_under_its_own_name()
    {
        Assert.Equal("GrainDb:Nodes 99: must be a whole number from 1 to 16", Refusal([], ("Nodes", "99")));
        Assert.Equal("GrainDb:MaxValueBytes 16777217: must be a whole number from 1 to 16777216", Refusal([], ("MaxValueBytes", "16777217")));
        Assert.Equal("GrainDb:SagaRetentionHours 0: must be a whole number from 1 to 87600", Refusal([], ("SagaRetentionHours", "0")));
        Assert.Equal("GrainDb:RetainedLogMegabytes 0: must be a whole number from 1 to 1048576", Refusal([], ("RetainedLogMegabytes", "0")));
        Assert.Equal("GrainDb:SnapshotMegabytesPerSecond 16385: must be a whole number from 1 to 16384", Refusal([], ("SnapshotMegabytesPerSecond", "16385")));
        Assert.Equal("GrainDb:CheckpointMegabytesPerSecond 0: must be a whole number from 1 to 16384", Refusal([], ("CheckpointMegabytesPerSecond", "0")));
        Assert.Equal("GrainDb:LogFormat xml: must be line or json", Refusal([], ("LogFormat", "xml")));
        Assert.StartsWith("GrainDb:LogLevel 3: must be one of Trace,", Refusal([], ("LogLevel", "3")), StringComparison.Ordinal);
        Assert.Equal("GrainDb:OtlpEndpoint collector: must be an http:// or https:// URL", Refusal([], ("OtlpEndpoint", "collector")));
    }

    [Fact]
    public void Retained_log_and_pace_of_snapshots_and_checkpoints_are_in_mebibytes()
    {
        Assert.Equal((1L << 30, 64L << 20), (Read([]).Replication.MaxRetainedBytes, Read([]).Replication.MaxSnapshotBytesPerSecond));
        var set = Read([], ("RetainedLogMegabytes", "1048576"), ("SnapshotMegabytesPerSecond", "4")).Replication;
        Assert.Equal((1L << 40, 4L << 20), (set.MaxRetainedBytes, set.MaxSnapshotBytesPerSecond));
        Assert.Equal((24L << 20, 5L << 20), (Read([]).CheckpointBytesPerSecond, Read([], ("CheckpointMegabytesPerSecond", "5")).CheckpointBytesPerSecond));
    }

    [Fact]
    public void A_saga_that_has_ended_is_kept_for_a_week_or_as_long_as_somebody_says()
    {
        Assert.Equal(TimeSpan.FromDays(7), Read([]).SagaRetention);
        Assert.Equal(TimeSpan.FromHours(1), Read([], ("SagaRetentionHours", "1")).SagaRetention);
    }

    [Fact]
    public void An_unknown_setting_is_refused() =>
        Assert.StartsWith("GrainDb:Nods: unknown setting, must be one of Nodes, Data,", Refusal([], ("Nods", "3")), StringComparison.Ordinal);

    [Theory]
    [InlineData("postgres:Host=db;Username=u;Password=s3cret", "Membership=postgres:*** ")]
    [InlineData("redis:db:6379,password=s3cret", "Membership=redis:*** ")]
    public void Effective_values_hide_secrets(string membership, string shown)
    {
        var options = Read(["--node", "a", "--bootstrap", "a", "--membership", membership]);
        var line = EffectiveConfiguration.Describe(options);
        Assert.Contains(shown, line, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", line, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", options.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain('\n', line);
    }

    [Fact]
    public void Credentials_in_the_collector_address_are_not_shown()
    {
        var line = EffectiveConfiguration.Describe(Read([], ("OtlpEndpoint", "http://user:s3cret@collector:4317")));
        Assert.Contains("OtlpEndpoint=http://collector:4317", line, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", line, StringComparison.Ordinal);
    }
}
