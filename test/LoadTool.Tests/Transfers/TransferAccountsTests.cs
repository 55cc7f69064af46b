using System.Net;
using System.Net.Sockets;
using System.Text;
using GrainDb.LoadTool.Http;
using GrainDb.LoadTool.Transfers;

namespace GrainDb.LoadTool.Tests.Transfers;

public sealed class TransferAccountsTests
{
    private static readonly TransferAccounts Accounts = new("transfer", 4);

    [Fact]
    public async Task All_pages_are_added_up_and_accounts_of_larger_runs_left_out()
    {
        var total = await AddUpAsync(
            """{"items":[{"key":"a00000000","value":"900"},{"key":"a00000001","value":"-5"},{"key":"a00000002","value":"77"}],"cursor":"next"}""",
            """{"items":[{"key":"b00000000","value":"1100"},{"key":"b00000001","value":"2000"},{"key":"other","value":"x"}]}""");
        Assert.Equal(new AccountsTotal(4, 3995, 1), total);
        Assert.Equal(4000, Accounts.ExpectedSum);
    }

    [Fact]
    public async Task A_balance_that_is_no_number_is_not_overlooked() =>
        await Assert.ThrowsAsync<InvalidDataException>(() => AddUpAsync("""{"items":[{"key":"a00000000","value":"much"}]}"""));

    private static async Task<AccountsTotal> AddUpAsync(params string[] pages)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var endpoint = Endpoint.ParseAll([$"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}"])[0];
        var server = ServeAsync(listener, pages);
        using var watchdog = new Watchdog(TimeSpan.FromSeconds(30));
        using var session = new HttpClientSession([endpoint], 0, watchdog);
        var total = await Accounts.AddUpAsync(session, TestContext.Current.CancellationToken);
        await server;
        return total;
    }

    private static async Task ServeAsync(TcpListener listener, string[] pages)
    {
        using var client = await listener.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
        await using var stream = client.GetStream();
        var buffer = new byte[4096];
        foreach (var page in pages)
        {
            Assert.True(await stream.ReadAsync(buffer, TestContext.Current.CancellationToken) > 0);
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Length: {page.Length}\r\n\r\n{page}"), TestContext.Current.CancellationToken);
        }
    }
}
