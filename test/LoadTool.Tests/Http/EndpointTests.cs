using GrainDb.LoadTool.Commands;
using GrainDb.LoadTool.Http;

namespace GrainDb.LoadTool.Tests.Http;

public sealed class EndpointTests
{
    [Theory]
    [InlineData("http://127.0.0.1:8080")]
    [InlineData("http://localhost:8080/")]
    [InlineData("http://[::1]:8080")]
    public void Loopback_is_accepted(string text) => Assert.Equal(8080, Endpoint.Parse(text).SocketAddress.Port);

    [Theory]
    [InlineData("http://10.0.0.1:8080")]
    [InlineData("http://localhost.example.org:8080")]
    [InlineData("http://127.0.0.1.example.org:8080")]
    [InlineData("https://127.0.0.1:8080")]
    [InlineData("http://127.0.0.1:8080/v1")]
    [InlineData("127.0.0.1:8080")]
    public void Anything_else_is_refused(string text) => Assert.Throws<UsageException>(() => Endpoint.Parse(text));
}
