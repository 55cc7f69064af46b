using System.Text;
using GrainDb.LoadTool.Http;

namespace GrainDb.LoadTool.Tests.Http;

public sealed class ResponseParserTests
{
    public static TheoryData<string, int, string> Responses => new()
    {
        { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"00ff\"\r\n\r\nhello", 200, "hello" },
        { "HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n", 200, "" },
        { "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;x=y\r\n \r\nA\r\n0123456789\r\n0\r\n\r\n", 201, "hello 0123456789" },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\n\r\n\r\n0\r\nTrailer: t\r\nOther: u\r\n\r\n", 200, "\r\n" },
        { "HTTP/1.1 204 No Content\r\n\r\n", 204, "" },
        { "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", 304, "" },
        { "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 412 Precondition Failed\r\nContent-Length: 2\r\n\r\n{}", 412, "{}" },
    };

    [Theory]
    [MemberData(nameof(Responses))]
    public void Reads_a_response_cut_at_any_two_places(string text, int status, string body)
    {
        var bytes = Encoding.ASCII.GetBytes(text);
        var parser = new ResponseParser();
        for (var first = 0; first <= bytes.Length; first++)
        {
            for (var second = first; second <= bytes.Length; second++)
            {
                parser.Begin(bodyless: false);
                byte[][] parts = [bytes[..first], bytes[first..second], bytes[second..]];
                var complete = parts.Where(part => part.Length > 0).Select(part => Feed(parser, part)).ToArray();

                Assert.True(complete[^1]);
                Assert.DoesNotContain(true, complete[..^1]);
                Assert.Equal(status, parser.Status);
                Assert.Equal(body, Encoding.ASCII.GetString(parser.Body));
                Assert.Equal(bytes.Length, parser.WireBytes);
            }
        }
    }

    [Fact]
    public void Reads_one_response_after_another_and_grows_with_them()
    {
        var parser = new ResponseParser();
        foreach (var length in new[] { 3, 1_000_000, 0, 20_000 })
        {
            parser.Begin(bodyless: false);
            var body = new string('x', length);
            Assert.True(FeedAll(parser, $"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}"));
            Assert.Equal(body, Encoding.ASCII.GetString(parser.Body));
        }
    }

    [Fact]
    public void Finds_headers_in_any_case_and_the_entity_tag_without_quotes()
    {
        var parser = new ResponseParser();
        parser.Begin(bodyless: false);
        FeedAll(parser, "HTTP/1.1 200 OK\r\nX-First: 1\r\netag:  \"0190\" \r\nConnection: close\r\nContent-Length: 0\r\n\r\n");

        Assert.Equal("0190", parser.EntityTag());
        Assert.True(parser.TryGetHeader("x-FIRST"u8, out var value));
        Assert.Equal("1", Encoding.ASCII.GetString(value));
        Assert.False(parser.TryGetHeader("x-second"u8, out _));
        Assert.True(parser.CloseAfter);
    }

    [Fact]
    public void A_body_without_length_ends_with_the_connection()
    {
        var parser = new ResponseParser();
        parser.Begin(bodyless: false);
        Assert.False(FeedAll(parser, "HTTP/1.1 200 OK\r\n\r\nall of"));
        Assert.False(FeedAll(parser, " this"));
        Assert.True(parser.AdvanceToEnd());
        Assert.Equal("all of this", Encoding.ASCII.GetString(parser.Body));
        Assert.True(parser.CloseAfter);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Le")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")]
    public void A_connection_that_ends_early_does_not_complete_a_response(string text)
    {
        var parser = new ResponseParser();
        parser.Begin(bodyless: false);
        Assert.False(FeedAll(parser, text));
        Assert.False(parser.AdvanceToEnd());
    }

    [Theory]
    [InlineData("HTTP/2 200 OK\r\n\r\n")]
    [InlineData("HTTP/1.1 2x0 OK\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nno colon\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc")]
    public void Malformed_responses_are_errors(string text)
    {
        var parser = new ResponseParser();
        parser.Begin(bodyless: false);
        Assert.Throws<ProtocolException>(() => FeedAll(parser, text));
    }

    private static bool FeedAll(ResponseParser parser, string text) => Feed(parser, Encoding.ASCII.GetBytes(text));

    /// <summary>Gives bytes as the socket would: never more than there is room for.</summary>
    private static bool Feed(ResponseParser parser, ReadOnlySpan<byte> bytes)
    {
        var complete = false;
        while (!bytes.IsEmpty)
        {
            var room = parser.Writable().Span;
            var take = Math.Min(room.Length, bytes.Length);
            bytes[..take].CopyTo(room);
            complete = parser.Advance(take);
            bytes = bytes[take..];
        }

        return complete;
    }
}
