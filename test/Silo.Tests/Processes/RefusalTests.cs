using System.Net;
using System.Net.Sockets;
using Xunit;

namespace GrainDb.Silo.Tests.Processes;

/// <summary>What cannot start ends with exit code 2, one line on standard error, and nothing on standard output.</summary>
public sealed class RefusalTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    private async Task<string> RefusedAsync(params string[] arguments)
    {
        await using var process = GrainDbProcess.Start(_directory.Path, arguments);
        Assert.Equal(2, await process.ExitAsync(TestContext.Current.CancellationToken));
        Assert.Equal("", process.Output);
        return Assert.Single(process.Errors.TrimEnd('\n').Split('\n'));
    }

    /// <summary>What is found out only by starting comes after the line of settings, and alone: no stack traces.</summary>
    private static string LastOfTwoLines(GrainDbProcess process)
    {
        var lines = process.Errors.TrimEnd('\n').Split('\n').Where(line => !line.Contains(" info: ", StringComparison.Ordinal)).ToList();
        Assert.Equal(2, lines.Count);
        Assert.StartsWith("configuration: ", lines[0], StringComparison.Ordinal);
        return lines[1];
    }

    [Fact]
    public async Task A_wrong_option() => Assert.Equal("graindb: --nods: unknown option, --help shows the command line", await RefusedAsync("--nods", "3"));

    [Fact]
    public async Task A_wrong_value_of_the_environment()
    {
        await using var process = GrainDbProcess.Start(_directory.Path, new Dictionary<string, string> { ["GrainDb__Nodes"] = "many" });
        Assert.Equal(2, await process.ExitAsync(TestContext.Current.CancellationToken));
        Assert.Equal("graindb: GrainDb:Nodes many: must be a whole number from 1 to 16\n", process.Errors);
    }

    [Fact]
    public async Task An_address_that_is_not_loopback() =>
        Assert.Contains("serves on loopback addresses only", await RefusedAsync("--http", "http://0.0.0.0:8080"), StringComparison.Ordinal);

    [Fact]
    public async Task A_network_that_was_opened_is_warned_of_at_every_start()
    {
        var url = $"http://127.0.0.1:{GrainDbProcess.FreePort()}";
        await using var process = GrainDbProcess.Start(
            _directory.Path, "--node", "a", "--membership", "file:m", "--bootstrap", "a", "--http", url, "--silo-port", "0", "--gateway-port", "0", "--insecure-network", "10.0.0.0/24");
        await process.AnswersAsync($"{url}/health/live", HttpStatusCode.OK, TestContext.Current.CancellationToken);
        Assert.Contains(
            "graindb: WARNING: serves 10.0.0.0/24 without authentication: whoever reaches it can read and change everything\n", process.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_data_directory_that_is_a_file()
    {
        await File.WriteAllTextAsync(_directory["data"], "", TestContext.Current.CancellationToken);
        Assert.StartsWith($"graindb: --data {_directory["data"]}: not a usable directory: ", await RefusedAsync("--http", "http://127.0.0.1:0"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_taken_HTTP_port()
    {
        using var taken = new Socket(SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        taken.Listen();
        var port = ((IPEndPoint)taken.LocalEndPoint!).Port;
        Assert.Equal($"graindb: --http {port}: the port is in use on 127.0.0.1", await RefusedAsync("--http", $"http://127.0.0.1:{port}"));
    }

    [Fact]
    public async Task A_taken_silo_port()
    {
        using var taken = new Socket(SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        taken.Listen();
        var port = ((IPEndPoint)taken.LocalEndPoint!).Port;
        Assert.Equal(
            $"graindb: --silo-port {port}: the port is in use on 127.0.0.1",
            await RefusedAsync("--node", "a", "--membership", "file:m", "--bootstrap", "a", "--http", "http://127.0.0.1:0", "--silo-port", $"{port}", "--gateway-port", "0"));
    }

    [Fact]
    public async Task A_second_process_on_the_same_data()
    {
        var url = $"http://127.0.0.1:{GrainDbProcess.FreePort()}";
        await using var first = GrainDbProcess.Start(_directory.Path, "--http", url);
        await first.AnswersAsync($"{url}/health/live", HttpStatusCode.OK, TestContext.Current.CancellationToken);
        Assert.Equal(
            $"graindb: --data {_directory["data"]}: in use by another graindb process ({_directory["data/embedded.lock"]} is locked)",
            await RefusedAsync("--http", "http://127.0.0.1:0"));
    }

    [Fact]
    public async Task A_second_process_for_the_same_node()
    {
        string[] Node(string membership, string url) =>
            ["--node", "a", "--membership", membership, "--bootstrap", "a", "--http", url, "--silo-port", "0", "--gateway-port", "0"];
        var url = $"http://127.0.0.1:{GrainDbProcess.FreePort()}";
        await using var first = GrainDbProcess.Start(_directory.Path, Node("file:m1", url));
        await first.AnswersAsync($"{url}/health/ready", HttpStatusCode.OK, TestContext.Current.CancellationToken);

        await using var second = GrainDbProcess.Start(_directory.Path, Node("file:m2", "http://127.0.0.1:0"));
        Assert.Equal(2, await second.ExitAsync(TestContext.Current.CancellationToken));
        Assert.Equal("", second.Output);
        Assert.Equal($"graindb: node a: the data directory {_directory["data/a"]} is in use by another process", LastOfTwoLines(second));
    }

    [Fact]
    public async Task Another_number_of_nodes_than_the_data_has()
    {
        Directory.CreateDirectory(_directory["data"]);
        await File.WriteAllTextAsync(_directory["data/embedded.json"], """{"nodes":3}""", TestContext.Current.CancellationToken);
        Assert.Equal(
            $"graindb: --nodes 2: {_directory["data"]} holds an embedded cluster of 3 nodes",
            await RefusedAsync("--http", "http://127.0.0.1:0", "--nodes", "2"));
    }

    [Fact]
    public async Task A_damaged_membership_table()
    {
        Directory.CreateDirectory(_directory["m"]);
        await File.WriteAllTextAsync(_directory["m/membership.json"], "{", TestContext.Current.CancellationToken);
        await using var process = GrainDbProcess.Start(
            _directory.Path, "--node", "a", "--membership", "file:m", "--bootstrap", "a", "--http", "http://127.0.0.1:0", "--silo-port", "0", "--gateway-port", "0");
        Assert.Equal(2, await process.ExitAsync(TestContext.Current.CancellationToken));
        Assert.Equal("", process.Output);
        Assert.Equal(
            $"graindb: membership table {_directory["m/membership.json"]} is not a membership table; stop all nodes that use it, delete it, and start them again",
            LastOfTwoLines(process));
    }

    [Theory]
    [InlineData("--help", "graindb: a distributed, multi-version key-value database")]
    [InlineData("--version", "graindb 0.")]
    public async Task Help_and_version_end_with_0(string option, string begins)
    {
        await using var process = GrainDbProcess.Start(_directory.Path, option);
        Assert.Equal(0, await process.ExitAsync(TestContext.Current.CancellationToken));
        Assert.StartsWith(begins, process.Output, StringComparison.Ordinal);
        Assert.Equal("", process.Errors);
    }
}
