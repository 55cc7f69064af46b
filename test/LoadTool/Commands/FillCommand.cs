using System.Diagnostics;
using GrainDb.LoadTool.Batches;
using GrainDb.LoadTool.Http;
using GrainDb.LoadTool.Workloads;

namespace GrainDb.LoadTool.Commands;

/// <summary><c>loadtool fill</c>: writes the keys that the workloads read, each once, in parallel.</summary>
internal static class FillCommand
{
    private static readonly string[] Options = ["keys", "value-bytes", "keyspace", "batch", "seed", .. ClientOptions.Names];

    /// <summary>Runs it.</summary>
    /// <returns>0 when every key was written, else 1.</returns>
    public static async Task<int> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        var arguments = Arguments.Parse(args, Options, []);
        var clients = ClientOptions.From(arguments, 64);
        var workload = WorkloadOptions.From(arguments);
        var batch = arguments.Integer("batch", 0, 0, BatchRequest.MaxOperations);

        var startedAt = Stopwatch.GetTimestamp();
        var filler = new Filler(workload, batch);
        await clients.ForEachClientAsync((client, session) => filler.RunAsync(client, session, cancellationToken), cancellationToken);
        var seconds = Stopwatch.GetElapsedTime(startedAt).TotalSeconds;
        Console.WriteLine($"filled {filler.Written} of {workload.Keys} keys in {seconds:F1} s, {filler.Written / seconds:F0}/s");
        if (filler.Failure is { } failure)
            Console.Error.WriteLine($"loadtool: stopped by {failure}");
        return filler.Written == workload.Keys ? 0 : 1;
    }

    private sealed class Filler(WorkloadOptions workload, int batch)
    {
        private int _next;
        private int _written;
        private volatile string? _failure;

        public int Written => _written;

        public string? Failure => _failure;

        public async Task RunAsync(int client, HttpClientSession session, CancellationToken cancellationToken)
        {
            var random = new Random(unchecked((workload.Seed * 1_000_003) + client));
            var single = RequestTemplate.Put(workload.Keyspace, workload.ValueBytes);
            ValueFormat.Fill(single.Value, random);
            var step = Math.Max(1, batch);
            while (_failure is null && !cancellationToken.IsCancellationRequested)
            {
                var from = Interlocked.Add(ref _next, step) - step;
                var count = Math.Min(step, workload.Keys - from);
                if (count <= 0)
                    return;
                var request = batch == 0 ? One(single, from) : Many(single, from, count);
                var failure = await PatientClient.SendAsync(session, request, cancellationToken) ?? Judge(session.Response, count);
                if (failure is null)
                    Interlocked.Add(ref _written, count);
                else
                    _failure = failure;
            }
        }

        private string? Judge(ResponseParser response, int count)
        {
            if (batch > 0)
                return BatchRequest.FirstFailure(response, count);
            return response.Status is 200 or 201 ? null : Problem.Read(response).Code;
        }

        private static ReadOnlyMemory<byte> One(RequestTemplate template, int key)
        {
            template.SetKey(key);
            ValueFormat.Write(template.Value, key, 0);
            return template.Bytes;
        }

        private byte[] Many(RequestTemplate template, int from, int count)
        {
            using var request = new BatchRequest(workload.Keyspace);
            for (var key = from; key < from + count; key++)
            {
                ValueFormat.Write(template.Value, key, 0);
                request.Put(KeyFormat.Text(key), template.Value, "application/octet-stream");
            }

            return request.ToRequest();
        }
    }
}
