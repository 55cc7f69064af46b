using System.IO.Pipelines;
using GrainDb.Api.Requests;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace GrainDb.Api.Tests.Requests;

/// <summary>A thread of its own stands for the one that serves sockets.</summary>
public sealed class SocketThreadTests
{
    [Theory]
    [InlineData("GET", "/v1/kv/default/k", true)]
    [InlineData("GET", "/v1/kv/default/a%2fb?consistency=eventual", true)]
    [InlineData("GET", "/v1/kv/default?limit=10", false)]
    [InlineData("HEAD", "/v1/kv/default/k", false)]
    [InlineData("PUT", "/v1/kv/default/k", false)]
    [InlineData("DELETE", "/v1/kv/default/k", false)]
    [InlineData("GET", "/v1/history/default/k", false)]
    [InlineData("GET", "/v1/txn/t/kv/default/k", false)]
    [InlineData("GET", "/v1/watch/default", false)]
    [InlineData("POST", "/v1/transact", false)]
    [InlineData("GET", "/metrics", false)]
    [InlineData("GET", "/dashboard", false)]
    public async Task Only_reads_of_a_key_stay_on_it(string method, string target, bool stays)
    {
        var where = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        var context = Context(method, target);
        var middleware = new SocketThreadMiddleware(_ =>
        {
            where.SetResult(!Thread.CurrentThread.IsThreadPoolThread);
            return Task.CompletedTask;
        });

        await OnThreadOfItsOwn(() => middleware.InvokeAsync(context));

        Assert.Equal(stays, await where.Task);
    }

    [Fact]
    public async Task What_is_in_the_pool_goes_on_at_once()
    {
        var thread = 0;
        var middleware = new SocketThreadMiddleware(_ =>
        {
            thread = Environment.CurrentManagedThreadId;
            return Task.CompletedTask;
        });

        Assert.True(await Task.Run(() =>
        {
            var running = middleware.InvokeAsync(Context("PUT", "/v1/kv/default/k"));
            return running.IsCompleted && thread == Environment.CurrentManagedThreadId;
        }, TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(null)]
    public async Task Who_waited_for_a_body_leaves_it(int? announced)
    {
        var body = new Pipe(new PipeOptions(readerScheduler: PipeScheduler.Inline, useSynchronizationContext: false));
        var context = Context("PUT", "/v1/kv/default/k");
        context.Features.Set<IRequestBodyPipeFeature>(new Body(body.Reader));
        context.Request.ContentLength = announced;
        var reading = ReadAsync(context);
        Assert.False(reading.IsCompleted);

        await OnThreadOfItsOwn(async () =>
        {
            await body.Writer.WriteAsync(new byte[] { 1, 2, 3 }, CancellationToken.None);
            await body.Writer.CompleteAsync();
        });

        var (bytes, isInPool) = await reading;
        Assert.Equal([1, 2, 3], bytes);
        Assert.True(isInPool);
    }

    private static async Task<(byte[] Bytes, bool IsInPool)> ReadAsync(HttpContext context)
    {
        var bytes = await BodyReader.ReadAsync(context, limit: 100, ErrorCode.ValueTooLarge).ConfigureAwait(false);
        return (bytes, Thread.CurrentThread.IsThreadPoolThread);
    }

    private static DefaultHttpContext Context(string method, string target)
    {
        var context = new DefaultHttpContext();
        context.Request.Method = method;
        context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget = target;
        return context;
    }

    private static async Task OnThreadOfItsOwn(Func<Task> work)
    {
        var started = new TaskCompletionSource<Task>(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() =>
        {
            try
            {
                started.SetResult(work());
            }
            catch (Exception exception)
            {
                started.SetException(exception);
            }
        });
        thread.IsBackground = true;
        thread.Start();
        await await started.Task;
    }

    private sealed class Body(PipeReader reader) : IRequestBodyPipeFeature
    {
        public PipeReader Reader => reader;
    }
}
